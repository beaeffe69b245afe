// One line as it is shown: its time, who said it, and its text.

import { h, written } from "./dom.js";
import { pieces } from "./text.js";
import { clockTime, dayOf, exactTime } from "./times.js";

/** Return a number from 0 to 359 for a name: each has a colour of its own. */
function hue(name) {
	let sum = 0;
	for (const character of name) {
		sum = (sum * 31 + character.codePointAt(0)) % 359;
	}
	return sum;
}

function piece({ text, link, call }) {
	if (link) {
		return h("a", { href: link, rel: "noopener noreferrer", target: "_blank", title: link }, text);
	}
	return call ? h("mark", {}, text) : text;
}

function bearer(line) {
	const name = h("bdi", { className: "name", dir: "auto" }, line.name);
	name.style.setProperty("--hue", hue(line.name));
	return name;
}

function text(line, ownName) {
	if (line.isForgotten) {
		return h("span", { className: "text forgotten" }, "taken out of the history");
	}
	const parts = line.words ? written(line.words) : pieces(line.text, ownName).map(piece);
	return h("span", { className: "text", dir: "auto" }, ...parts);
}

/**
 * Return the element of `line`, which follows `before` (undefined: nothing). Above it stands the
 * day where another one begins, and a rule if it `isFirstUnread`.
 */
export function lineElement(line, before, isFirstUnread, ownName) {
	const time = h("time", { title: exactTime(line.time) }, clockTime(line.time));
	time.dateTime = new Date(line.time * 1000).toISOString();
	const isSaid = line.name !== undefined;
	const what = h(
		"span",
		{ className: "what" },
		line.kind === "emoted" && h("span", { "aria-hidden": "true" }, "* "),
		isSaid && bearer(line),
		isSaid && h("span", { className: "after" }, line.kind === "said" ? ": " : " "),
		text(line, ownName),
	);
	const row = h("div", { className: `row ${line.kind}` }, time, " ", what);
	row.classList.toggle("mine", Boolean(line.isMine));
	row.classList.toggle("call", Boolean(line.isCall));
	const element = h("div", { className: "line" });
	const newDay = dayOf(line.time);
	if (before && dayOf(before.time) !== newDay) {
		element.append(h("div", { className: "day" }, newDay));
	}
	if (isFirstUnread) {
		element.append(h("div", { className: "first-unread" }, "New lines"));
	}
	element.append(row);
	return element;
}
