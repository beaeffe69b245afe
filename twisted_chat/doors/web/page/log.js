// The lines of one place on the screen. It stays at the end while the reader is there.
//
// Only so many lines are drawn as a browser draws smoothly: the last ones while the reader is at
// the end, and more as the reader scrolls up.

import { h } from "./dom.js";
import { lineElement } from "./line.js";

const FEW = 200; // Lines that are drawn at first.
const MANY = 500; // Lines that are drawn at most while the reader is at the end.
const MOST = 2000; // New lines are drawn below until there are so many.
const STEP = 100; // Lines that are drawn more when the reader nears the first or the last.
const END = 48; // Pixels from the end that still are the end.
const JUMP = 500; // Milliseconds that a smooth scroll takes at most.
const NEAR = 600; // Pixels from the first or last line that is drawn.

/** Shows the lines of a place. */
export class Log {
	/**
	 * `on`: `older()` is called when the reader nears the oldest line, `moved()` when the reader came
	 * to the end or left it; `ownName()` returns the reader's name.
	 */
	constructor(place, on) {
		this.place = place;
		this.on = on;
		this.isAtEnd = true;
		this.jumpingUntil = 0;
		this.element = h("div", { className: "log", role: "log", tabIndex: 0, "aria-live": "polite" });
		this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
		new ResizeObserver(() => this.isAtEnd && this.toEnd()).observe(this.element);
		this.clear();
	}

	clear() {
		this.element.replaceChildren();
		this.elements = new Map(); // By the keys of the lines.
		this.first = null; // The key of the first line that is drawn.
		this.last = null;
		this.marked = null; // The key of the line under the rule.
	}

	/** Draw what is new. Call this only while the place is shown. */
	draw() {
		const { lines } = this.place;
		this.element.setAttribute("aria-label", `Lines in ${this.place.title}`);
		if (lines.length === 0) {
			return;
		}
		if (this.first === null || (this.isAtEnd && this.undrawn > MANY)) {
			this.clear();
			this.quietly(() => this.append(lines.slice(-FEW)));
		} else {
			this.redraw();
			const room = this.isAtEnd ? MANY : MOST - this.elements.size;
			this.append(lines.slice(lines.length - this.undrawn).slice(0, Math.max(0, room)));
		}
		this.keepingPosition(() => {
			this.drop();
			const isNearFirst = !this.isAtEnd && this.element.scrollTop < NEAR;
			if (isNearFirst || this.elements.size < FEW) {
				this.prepend();
			}
		});
		if (this.isAtEnd) {
			this.toEnd();
		}
	}

	/** Lines after the last that is drawn. */
	get undrawn() {
		return this.place.lines.at(-1).key - this.last;
	}

	append(lines) {
		this.first ??= lines[0].key;
		this.element.append(...lines.map((line) => this.make(line)));
		this.last = lines.at(-1)?.key ?? this.last;
	}

	/** Draw some of the lines before the first that is drawn. */
	prepend() {
		const end = this.indexOf(this.first);
		const lines = this.place.lines.slice(Math.max(0, end - STEP), Math.max(0, end));
		if (lines.length) {
			this.quietly(() => this.element.prepend(...lines.map((line) => this.make(line))));
			this.replace(this.first);
			this.first = lines[0].key;
		}
	}

	/** Take away lines that the place has dropped, and those that nobody sees at the end. */
	drop() {
		const oldest = this.place.lines[0].key;
		const isLong = this.isAtEnd && this.elements.size > MANY;
		const first = Math.max(oldest, isLong ? this.last - FEW : oldest);
		for (; this.first < first; this.first += 1) {
			this.elements.get(this.first)?.remove();
			this.elements.delete(this.first);
		}
	}

	/** Draw again what is other than it was. */
	redraw() {
		const { changed, firstUnread } = this.place;
		const keys = new Set(changed);
		if (this.marked !== firstUnread) {
			keys.add(this.marked).add(firstUnread);
			this.marked = firstUnread;
		}
		keys.forEach((key) => this.elements.has(key) && this.replace(key));
		changed.clear();
	}

	replace(key) {
		const old = this.elements.get(key);
		old.replaceWith(this.make(this.place.lines[this.indexOf(key)]));
	}

	make(line) {
		const before = this.place.lines[this.indexOf(line.key) - 1];
		const isMarked = line.key === this.place.firstUnread;
		this.marked = isMarked ? line.key : this.marked;
		const element = lineElement(line, before, isMarked, this.on.ownName());
		this.elements.set(line.key, element);
		return element;
	}

	/** Return where the line with that key is. Keys of neighbours differ by one. */
	indexOf(key) {
		return key - this.place.lines[0].key;
	}

	/** Change lines that nobody has to hear of: they are not new. */
	quietly(change) {
		this.element.setAttribute("aria-live", "off");
		change();
		setTimeout(() => this.element.setAttribute("aria-live", "polite"), 500);
	}

	/** Change lines above those that are seen, which stay where they are. */
	keepingPosition(change) {
		const { element } = this;
		const fromEnd = this.isAtEnd ? 0 : element.scrollHeight - element.scrollTop;
		change();
		if (!this.isAtEnd) {
			element.scrollTop = element.scrollHeight - fromEnd;
		}
	}

	scrolled() {
		if (performance.now() < this.jumpingUntil) {
			this.toEnd();
			return;
		}
		const { scrollHeight, scrollTop, clientHeight } = this.element;
		const below = scrollHeight - scrollTop - clientHeight;
		const wasAtEnd = this.isAtEnd;
		// Lines that came since the last drawing lead nobody away from the end.
		this.isAtEnd = below < END && (wasAtEnd || this.undrawn === 0);
		if (scrollTop < NEAR && !this.isAtEnd) {
			this.keepingPosition(() => this.prepend());
			if (this.first === this.place.lines[0].key && this.place.hasMore) {
				this.on.older();
			}
		}
		if (below < NEAR && this.undrawn) {
			const { lines } = this.place;
			this.append(lines.slice(lines.length - this.undrawn).slice(0, STEP));
		}
		if (this.isAtEnd !== wasAtEnd) {
			this.on.moved();
		}
	}

	/** Go to the end for the reader, whom a smooth scroll that has begun would lead away again. */
	jump() {
		this.jumpingUntil = performance.now() + JUMP;
		this.toEnd();
	}

	/** Show the end. */
	toEnd() {
		this.isAtEnd = true;
		if (this.place.lines.length && this.undrawn) {
			this.draw();
		}
		this.element.scrollTop = this.element.scrollHeight;
	}

	/** Scroll by some pages, as keys do. */
	turn(pages) {
		this.element.scrollBy({ top: pages * this.element.clientHeight * 0.9 });
	}
}
