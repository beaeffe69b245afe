// Finds in a text what is shown in another way: addresses of pages, and one's own name.

const LINK = /\bhttps?:\/\/[^\s<>"'`\u2018-\u201f]+/giu;
const TRAILING = ".,:;!?*_~\u2026";

// Scripts without blanks between words: a name may stand beside any letter of theirs.
const UNPARTED = ["Hani", "Hira", "Kana", "Bopo", "Thai", "Laoo", "Khmr", "Mymr"]
	.map((script) => `\\p{scx=${script}}`)
	.join("");
const STARTS_ANYWHERE = new RegExp(`^[${UNPARTED}]`, "u");
// In Korean a particle or a title follows a name without a blank.
const ENDS_ANYWHERE = new RegExp(`[${UNPARTED}\\p{scx=Hang}]$`, "u");
const LETTER = "[\\p{L}\\p{N}\\p{M}_]";

/** Return a pattern that finds `name` as a word, in upper or lower case. */
export function namePattern(name) {
	const escaped = name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
	const start = STARTS_ANYWHERE.test(name)
		? ""
		: `(?<!(?![${UNPARTED}])${LETTER})(?<!(?![${UNPARTED}])${LETTER}[.-])`;
	const letterBehind = `(?![${UNPARTED}\\p{scx=Hang}])${LETTER}`;
	const end = ENDS_ANYWHERE.test(name) ? "" : `(?!${letterBehind}|[.-]${letterBehind})`;
	return new RegExp(`${start}${escaped}${end}`, "giu");
}

/** Return whether `text` calls somebody by `name`. */
export function calls(text, name) {
	return name !== "" && namePattern(name).test(text);
}

/**
 * Return `text` in pieces: `{ text }`, `{ text, link }` for an address, and `{ text, call: true }`
 * for one's own `name`. All texts together are `text`.
 */
export function pieces(text, name) {
	const found = [];
	let from = 0;
	for (const match of text.matchAll(LINK)) {
		const shown = withoutTail(match[0]);
		const link = address(shown);
		if (link) {
			found.push(...named(text.slice(from, match.index), name), { text: shown, link });
			from = match.index + shown.length;
		}
	}
	return [...found, ...named(text.slice(from), name)];
}

/** Return `link` without what belongs to the sentence around it: punctuation, a closing bracket. */
function withoutTail(link) {
	const count = (sign) => link.split(sign).length;
	const unopened = new Map(["()", "[]", "{}"].map(([opening, closing]) => [closing, count(closing) - count(opening)]));
	let end = link.length;
	for (;;) {
		const last = link[end - 1];
		if (unopened.get(last) > 0) {
			unopened.set(last, unopened.get(last) - 1);
		} else if (!TRAILING.includes(last)) {
			return link.slice(0, end);
		}
		end -= 1;
	}
}

/** Return the address of a page as browsers write it, or "" if `text` is none. */
function address(text) {
	try {
		const { protocol, href } = new URL(text);
		return ["http:", "https:"].includes(protocol) ? href : "";
	} catch {
		return "";
	}
}

function named(text, name) {
	const found = [];
	let from = 0;
	for (const match of name ? text.matchAll(namePattern(name)) : []) {
		found.push({ text: text.slice(from, match.index) }, { text: match[0], call: true });
		from = match.index + match[0].length;
	}
	found.push({ text: text.slice(from) });
	return found.filter((piece) => piece.text);
}
