// Makes elements. Texts are only ever set as text.

/**
 * Return a new element. A property with a dash in its name, and `role`, is an attribute. Children
 * are elements and texts; null and false are left out.
 */
export function h(tag, properties = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(properties)) {
		if (name.includes("-") || name === "role") {
			element.setAttribute(name, value);
		} else {
			element[name] = value;
		}
	}
	element.append(...children.filter((child) => child !== null && child !== false));
	return element;
}

/** Return a new button that calls `run`. */
export const button = (run, className, ...children) =>
	h("button", { type: "button", className, onclick: run }, ...children);

/** Return the element of the page with that id. */
export const byId = (id) => document.getElementById(id);

/** Return elements for a list of words: see words.js. */
export const written = (words) =>
	words.map((word) => (word.name === undefined ? word : h("bdi", { className: "name" }, word.name)));

/** Set the text of `element`, if it is another one: screen readers read what is set. */
export function setText(element, text) {
	if (element.textContent !== text) {
		element.textContent = text;
	}
}

/**
 * Let `parent` have one element for each of `items`, in their order. `make(item)` returns a new
 * one, `update(element, item)` brings it up to date. An element that stays keeps the focus.
 */
export function each(parent, items, make, update) {
	parent.elements ??= new Map();
	const old = parent.elements;
	const elements = new Map(items.map((item) => [item, old.get(item) ?? make(item)]));
	for (const [item, element] of old) {
		if (!elements.has(item)) {
			element.remove();
		}
	}
	let next = parent.firstElementChild;
	for (const [item, element] of elements) {
		update(element, item);
		if (element === next) {
			next = next.nextElementSibling;
		} else {
			parent.insertBefore(element, next);
		}
	}
	parent.elements = elements;
}
