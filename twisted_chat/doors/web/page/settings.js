// What the reader has chosen, kept in this browser, and what a tab keeps over a reload.

import { mayBeSecret } from "./commands.js";

const DEFAULTS = { name: "", theme: "auto", sound: false, notify: false, coming: true };
const CHOSEN = "twisted-chat";
const TAB = "twisted-chat tab";

/** Return what stands under `key` in `storage`, or null: some browsers keep nothing. */
function read(storage, key) {
	try {
		return JSON.parse(window[storage].getItem(key));
	} catch {
		return null;
	}
}

function write(storage, key, value) {
	try {
		window[storage].setItem(key, JSON.stringify(value));
	} catch {
		// It is full, or not allowed here: then the page begins anew after a reload.
	}
}

/** What the reader has chosen: the name, the theme, and what makes a noise. */
export const settings = {
	...DEFAULTS,
	...read("localStorage", CHOSEN),

	/** Keep a choice. */
	choose(changes) {
		Object.assign(this, changes);
		const kept = Object.keys(DEFAULTS).map((key) => [key, this[key]]);
		write("localStorage", CHOSEN, Object.fromEntries(kept));
	},
};

/** What this tab keeps over a reload. */
export const tab = {
	/** Return what was kept, or null. */
	take: () => read("sessionStorage", TAB),
	keep: (state) => write("sessionStorage", TAB, state),
};

const DRAFT = "twisted-chat draft ";

/** What was typed and not sent, by place. What may hold a passphrase is not kept. */
export const drafts = {
	take: (place) => read("sessionStorage", DRAFT + place.key) ?? "",
	keep: (place, text) => write("sessionStorage", DRAFT + place.key, mayBeSecret(text) ? "" : text),
};
