// Says whether there is a connection, and loudly when there is none.

import { byId, setText } from "./dom.js";
import { PHASE } from "./wire.js";

const OVER = {
	replaced: ["The chat goes on in another window or tab.", "Use it here"],
	"put out": ["You were put out of the chat.", "Come in again"],
	left: ["You left the chat.", "Come in again"],
	refused: ["You were not let in.", "Try again"],
};

/** The banner above the lines, and the word beside one's name. */
export class Status {
	constructor(app) {
		this.app = app;
		byId("banner-button").onclick = () => app.wire.start();
		this.counting = setInterval(() => this.count(), 1000);
	}

	/** Show the state of the connection. */
	show(phase, { why, reason, refusal } = {}) {
		const { wire } = this.app;
		document.body.dataset.phase = phase;
		setText(byId("phase"), phase === PHASE.OPEN ? "connected" : phase === PHASE.CONNECTING ? "connecting\u2026" : "not connected");
		// While it tries, the banner stays as it is.
		if (phase === PHASE.OPEN) {
			byId("banner").hidden = true;
			setText(byId("banner-text"), "");
		} else if (phase === PHASE.WAITING) {
			const offline = navigator.onLine === false ? " This device is offline." : "";
			const because = refusal ? ` ${refusal.text}.` : "";
			this.say(`Disconnected.${offline}${because} What you write waits here.`, "Try now");
			if (wire.tries === 3) {
				this.explain();
			}
		} else if (phase === PHASE.OVER) {
			const [words, button] = OVER[why];
			this.say([words, refusal?.text ?? reason].filter(Boolean).join(" "), button);
		}
		this.count();
	}

	say(text, button) {
		byId("banner").hidden = false;
		setText(byId("banner-text"), text);
		setText(byId("banner-button"), button);
	}

	/** Show how long it is until the next try. Nobody has to hear each second. */
	count() {
		const { wire } = this.app;
		const seconds = Math.max(0, Math.ceil((wire.retryAt - Date.now()) / 1000));
		setText(byId("banner-seconds"), wire.phase === PHASE.WAITING ? `Next try in ${seconds} s.` : "");
	}

	/** Find out whether only the WebSocket is stopped on its way. */
	async explain() {
		try {
			const answer = await fetch("-/health", { cache: "no-store" });
			if (answer.ok && this.app.wire.phase !== PHASE.OPEN) {
				this.say(
					"Disconnected. The server answers, but something between here and there lets no WebSocket through.",
					"Try now",
				);
			}
		} catch {
			// Nothing gets through: that is said already.
		}
	}
}
