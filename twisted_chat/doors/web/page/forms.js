// The forms: names and passphrases, rooms, settings. A passphrase is typed only here.

import { canNotify, beep } from "./alerts.js";
import { button, byId, h, setText } from "./dom.js";
import { settings } from "./settings.js";

/** The forms of the page. */
export class Forms {
	/** `app` does what the reader asks for: see app.js. */
	constructor(app) {
		this.app = app;
		for (const dialog of document.querySelectorAll("dialog")) {
			dialog.querySelector(".done").onclick = () => dialog.close();
			dialog.onclick = ({ target }) => {
				// A handler that returns false would stop what the click does.
				if (target === dialog) {
					dialog.close();
				}
			};
			dialog.onclose = () => this.forget(dialog);
		}
		byId("name-button").onclick = () => this.showNames();
		byId("rooms-button").onclick = () => this.showRooms();
		byId("settings-button").onclick = () => this.showSettings();
		byId("keys-button").onclick = () => byId("keys").showModal();
		byId("naming-later").onclick = () => this.hideNaming();
		const isSafe = window.isSecureContext;
		byId("passphrases").hidden = !isSafe;
		byId("no-passphrases").hidden = byId("no-notifications").hidden = isSafe;
		byId("notify-label").hidden = !canNotify();
		this.handle("nick-form", (form) => this.takeName(form.elements.name.value));
		this.handle("naming", (form) => this.takeName(form.elements.name.value));
		this.handle("login-form", (form) => this.logIn(form));
		this.handle("register-form", (form) => this.register(form));
		this.handle("room-form", (form) => this.app.join(form.elements.room.value));
		this.settle();
	}

	/** Let `run(form)` do what a form is for. It returns a promise of what went wrong, "" if nothing. */
	handle(id, run) {
		const form = byId(id);
		const result = form.querySelector(".result");
		form.onsubmit = async (event) => {
			event.preventDefault();
			setText(result, "");
			const button = form.querySelector("[type=submit]");
			button.disabled = true;
			const wrong = await run(form);
			button.disabled = false;
			setText(result, wrong);
			if (wrong === "") {
				form.reset();
				form.closest("dialog")?.close();
			}
		};
	}

	/** Leave nothing in a form that was closed. */
	forget(dialog) {
		for (const form of dialog.querySelectorAll("form")) {
			form.reset();
			setText(form.querySelector(".result"), "");
		}
		this.app.focus();
	}

	// Names.

	showNames() {
		const { name, role } = this.app.chat;
		setText(byId("names-now"), `You are called ${name}${role === "guest" ? "" : `, ${role}`}.`);
		const isAddress = name.includes(":");
		byId("login-form").elements.name.value = isAddress ? "" : name;
		byId("register-form").hidden = isAddress;
		setText(byId("register-name"), name);
		byId("names").showModal();
	}

	/** Ask a newcomer for a name, with the reason if there is one. */
	showNaming(reason = "") {
		setText(byId("naming-now"), this.app.chat.name);
		setText(byId("naming").querySelector(".result"), reason);
		byId("naming").hidden = false;
	}

	hideNaming() {
		byId("naming").hidden = true;
		this.app.focus();
	}

	async takeName(name) {
		const wrong = await this.app.command("nick", name.trim());
		if (wrong === "") {
			this.hideNaming();
		}
		return wrong;
	}

	async logIn({ elements: { name, passphrase } }) {
		const wrong = await this.prove("login", `${name.value.trim()} `, passphrase);
		if (wrong === "") {
			this.hideNaming();
		}
		return wrong;
	}

	async register({ elements: { passphrase, again } }) {
		const isSame = passphrase.value === again.value;
		return isSame ? this.prove("register", "", passphrase) : "The two passphrases differ";
	}

	async prove(command, before, { value }) {
		const wrong = await this.app.command(command, before + value, true);
		if (wrong === "") {
			this.app.owned = { name: this.app.chat.name, passphrase: value };
		}
		return wrong;
	}

	// Rooms.

	async showRooms() {
		byId("rooms").showModal();
		const list = byId("rooms-list");
		list.replaceChildren();
		const { events } = await this.app.ask({ command: "rooms" });
		const rooms = events.map((event) => event.record).filter((record) => record?.room !== undefined);
		list.replaceChildren(...rooms.map((record) => this.roomItem(record)));
	}

	roomItem({ room, count, topic, locked }) {
		const open = () => {
			byId("rooms").close();
			this.app.join(room);
		};
		const facts = [count === 1 ? "1 person" : `${count} people`, locked && "locked"];
		return h(
			"li",
			{},
			button(open, "", h("bdi", {}, `#${room}`)),
			` ${facts.filter(Boolean).join(", ")}`,
			topic ? h("span", { className: "topic", dir: "auto" }, topic) : null,
		);
	}

	// Settings.

	showSettings() {
		const { elements } = byId("settings-form");
		elements.theme.value = settings.theme;
		for (const name of ["sound", "notify", "coming"]) {
			elements[name].checked = settings[name];
		}
		byId("settings").showModal();
	}

	/** Do what was chosen, from here on. */
	settle() {
		const form = byId("settings-form");
		form.onsubmit = (event) => event.preventDefault();
		form.onchange = async ({ target }) => {
			const value = target.type === "checkbox" ? target.checked : target.value;
			settings.choose({ [target.name]: value });
			this.apply();
			if (target.name === "sound" && value) {
				beep();
			}
			if (target.name === "notify" && value) {
				const permission = await Notification.requestPermission();
				const isAllowed = permission === "granted";
				setText(form.querySelector(".result"), isAllowed ? "" : "This browser does not allow it");
				settings.choose({ notify: isAllowed });
				target.checked = isAllowed;
			}
		};
		this.apply();
	}

	apply() {
		document.documentElement.dataset.theme = settings.theme;
		document.documentElement.classList.toggle("no-coming", !settings.coming);
		this.app.draw();
	}
}
