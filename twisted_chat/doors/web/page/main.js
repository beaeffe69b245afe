// Starts the page.

import { App } from "./app.js";
import { byId } from "./dom.js";
import { SUBPROTOCOL } from "./wire.js";

function connect() {
	const address = new URL("-/ws", document.baseURI);
	address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
	return new WebSocket(address, SUBPROTOCOL);
}

const app = new App({
	connect,
	now: () => Date.now(),
	later: (run, milliseconds) => setTimeout(run, milliseconds),
	never: (timer) => clearTimeout(timer),
	chance: () => Math.random(),
});

for (const name of ["places", "people"]) {
	byId(`${name}-button`).onclick = () => void document.body.classList.toggle(`shows-${name}`);
}

document.addEventListener("keydown", (event) => {
	const isOverDialog = document.querySelector("dialog[open]");
	if (event.altKey && !isOverDialog && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
		event.preventDefault();
		app.step(event.key === "ArrowUp" ? -1 : 1);
	}
	if (event.key === "Escape" && !isOverDialog) {
		document.body.classList.remove("shows-places", "shows-people");
		if (!event.defaultPrevented && !event.target.closest(".compose")) {
			app.focus();
		}
	}
});

// A network that is gone tells nobody.
setInterval(() => document.visibilityState === "visible" && app.wake(), 60_000);
window.addEventListener("focus", () => app.looked());
window.addEventListener("online", () => app.wake());
window.addEventListener("pagehide", () => app.keep());
window.addEventListener("pageshow", (event) => event.persisted && app.wake());
document.addEventListener("visibilitychange", () => {
	if (document.visibilityState === "hidden") {
		app.keep();
	} else {
		app.returned();
	}
});

app.start();
