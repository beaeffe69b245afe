// The message line of a place: drafts, lines that were typed before, and completion.

import { completions, mayBeSecret } from "./commands.js";
import { h, setText } from "./dom.js";
import { drafts } from "./settings.js";

const SECRET = /^\s*\/(login|register)\s/iu;
const RECALLED = 50; // Lines that the arrow keys bring back.
const SHOWN = 8; // Choices that are shown at once.

let number = 0;

/** Where the reader writes. */
export class Composer {
	/**
	 * `on`: `send(lines)` returns whether they were taken; `commands()` and `names()` what may be
	 * completed; `secret()` is called for a passphrase; `turn(pages)` scrolls the lines.
	 */
	constructor(place, on) {
		number += 1;
		this.place = place;
		this.on = on;
		this.typed = [];
		this.recalled = 0; // How many lines back the arrow keys went.
		this.choices = [];
		this.chosen = -1;
		this.list = h("ul", { id: `choices-${number}`, className: "choices", role: "listbox", hidden: true });
		this.list.setAttribute("aria-label", "How it can go on");
		this.hint = h("p", { className: "hidden", role: "status" });
		this.field = h("textarea", {
			id: `compose-${number}`,
			rows: 1,
			dir: "auto",
			enterKeyHint: "send",
			"aria-autocomplete": "list",
			"aria-controls": this.list.id,
			value: drafts.take(place),
		});
		this.label = h("label", { className: "hidden", htmlFor: this.field.id });
		this.button = h("button", { type: "submit" }, "Send");
		this.element = h(
			"form",
			{ className: "compose", noValidate: true },
			this.list,
			this.label,
			this.field,
			this.button,
			this.hint,
		);
		this.field.oninput = () => this.edited();
		this.field.onkeydown = (event) => this.pressed(event);
		this.field.onblur = () => setTimeout(() => this.offer([]), 200);
		this.element.onsubmit = (event) => {
			event.preventDefault();
			this.send();
		};
		this.rename();
		this.fit();
	}

	/** The place has another name. */
	rename() {
		const what = `Write to ${this.place.title}`;
		setText(this.label, what);
		this.field.placeholder = what;
	}

	/** Put `text` into the field, in place of what stands there. */
	put(text) {
		this.field.value = text;
		this.field.setSelectionRange(text.length, text.length);
		this.edited();
	}

	edited() {
		if (SECRET.test(this.field.value)) {
			this.put("");
			this.on.secret();
			return;
		}
		drafts.keep(this.place, this.field.value);
		this.recalled = 0;
		this.fit();
		const before = this.beforeCursor;
		this.offer(before.startsWith("/") || /(^|\s)@\S*$/u.test(before) ? this.possible().choices : []);
	}

	/** Let the field have as many rows as its text. */
	fit() {
		const { field } = this;
		field.style.height = "auto";
		field.style.height = field.scrollHeight ? `${field.scrollHeight + 2}px` : "auto";
		const count = this.lines.length;
		setText(this.button, count > 1 ? `Send ${count} lines` : "Send");
	}

	get lines() {
		return this.field.value.split(/\r\n|\r|\n/u).filter((line) => line.trim());
	}

	get beforeCursor() {
		return this.field.value.slice(0, this.field.selectionStart);
	}

	send() {
		const { lines } = this;
		if (lines.length === 0) {
			return;
		}
		if (!this.on.send(lines)) {
			setText(this.hint, "There is no connection yet: the line stays here");
			return;
		}
		setText(this.hint, "");
		this.typed = [...this.typed, ...lines.filter((line) => !mayBeSecret(line))].slice(-RECALLED);
		this.put("");
		this.field.focus();
	}

	// Keys.

	pressed(event) {
		// Enter may also end the choice of a letter in an input method.
		if (event.isComposing || event.keyCode === 229 || event.altKey || event.ctrlKey || event.metaKey) {
			return;
		}
		const run = this.list.hidden ? this.plainKeys(event) : (this.choiceKeys(event) ?? this.plainKeys(event));
		if (run) {
			event.preventDefault();
			run();
		}
	}

	plainKeys({ key, shiftKey }) {
		const isOneLine = !this.field.value.includes("\n");
		const keys = {
			Enter: shiftKey ? null : () => this.send(),
			ArrowUp: isOneLine ? () => this.recall(1) : null,
			ArrowDown: isOneLine && this.recalled ? () => this.recall(-1) : null,
			PageUp: () => this.on.turn(-1),
			PageDown: () => this.on.turn(1),
			Tab: shiftKey ? null : this.completion(),
		};
		return keys[key];
	}

	choiceKeys({ key, shiftKey }) {
		const move = (by) => () => this.choose((this.chosen + by + this.choices.length) % this.choices.length);
		const accept = () => this.accept(this.choices[Math.max(0, this.chosen)]);
		// Enter sends what is typed, unless a choice was made by the arrow keys.
		const isChosen = this.chosen >= 0;
		const keys = {
			ArrowDown: move(1),
			ArrowUp: isChosen ? move(-1) : () => this.choose(this.choices.length - 1),
			Tab: shiftKey ? undefined : accept,
			Enter: isChosen && !shiftKey ? accept : undefined,
			Escape: () => this.offer([]),
		};
		return keys[key];
	}

	/** Bring a line back that was typed before; `by`: how many further back. */
	recall(by) {
		const back = Math.min(this.typed.length, Math.max(0, this.recalled + by));
		if (back !== this.recalled) {
			this.put(this.typed[this.typed.length - back] ?? "");
			this.recalled = back;
			this.offer([]);
		}
	}

	// Completion.

	possible() {
		return completions(this.beforeCursor, this.on.commands(), this.on.names());
	}

	/** Return what completes the word before the cursor, or null: Tab leads out of the field then. */
	completion() {
		const { choices } = this.possible();
		if (choices.length === 0 || this.beforeCursor === "") {
			return null;
		}
		return () => (choices.length === 1 ? this.accept(choices[0]) : this.offer(choices, 0));
	}

	accept({ text }) {
		const { from } = this.possible();
		const behind = this.field.value.slice(this.field.selectionStart);
		const before = this.field.value.slice(0, from) + text;
		this.field.value = before + behind;
		this.field.setSelectionRange(before.length, before.length);
		this.edited();
		this.offer([]);
	}

	offer(choices, chosen = -1) {
		this.choices = choices.slice(0, SHOWN);
		this.list.hidden = this.choices.length === 0;
		this.list.replaceChildren(
			...this.choices.map((choice, index) => {
				const option = h(
					"li",
					{ id: `${this.list.id}-${index}`, role: "option" },
					h("bdi", {}, choice.label),
					choice.help ? h("span", { className: "help" }, ` ${choice.help}`) : null,
				);
				// The field keeps the focus.
				option.onpointerdown = (event) => event.preventDefault();
				option.onclick = () => this.accept(choice);
				return option;
			}),
		);
		const count = this.choices.length;
		setText(this.hint, count ? `${count} ${count === 1 ? "way" : "ways"} to go on: arrow keys, then Tab` : "");
		this.choose(chosen);
	}

	choose(index) {
		this.chosen = this.choices.length ? index : -1;
		[...this.list.children].forEach((option, at) => {
			option.setAttribute("aria-selected", String(at === this.chosen));
		});
		if (this.chosen >= 0) {
			this.field.setAttribute("aria-activedescendant", this.list.children[this.chosen].id);
		} else {
			this.field.removeAttribute("aria-activedescendant");
		}
	}
}
