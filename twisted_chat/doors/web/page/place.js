// One place to talk: a room, or the conversation with one person. It knows nothing of the screen.

const MOST_LINES = 5000; // Older ones are dropped, and come back from the history.
const FAR_TOO_MANY = 2 * MOST_LINES; // They are dropped then even while somebody reads them.
const DROPPED = 500; // So many at once.
const SAID = ["said", "emoted"]; // Kinds of lines that the history has.
const KEPT = 200; // Lines that survive a reload of the page.

/** Return what two spellings of one name have in common. */
export const fold = (name) => name.normalize("NFC").toLowerCase();

/** A room, or a conversation with somebody (`isPrivate`), and the lines that are shown of it. */
export class Place {
	/** `name`: that of the room or of the person. */
	constructor(name, isPrivate) {
		this.name = name;
		this.isPrivate = isPrivate;
		this.isJoined = false; // For a room: whether one is in it.
		this.lines = []; // The oldest first; the `key` of each is one more than that before it.
		this.ids = new Map(); // The lines that have an id, by it.
		this.lastId = null; // That of the last line that was said there.
		this.people = new Map(); // Who is there, by folded name.
		this.count = 0;
		this.topic = "";
		this.slow = 0;
		this.locked = false;
		this.unread = 0;
		this.calls = 0; // Unread lines that call the reader by name, or are for the reader alone.
		this.firstUnread = null; // The key of the line before which a rule is drawn.
		this.hasMore = !isPrivate; // Whether the server may keep older lines.
		this.isLoading = false; // Whether older lines were asked for.
		this.isCatchingUp = false; // Whether lines that are told again were missed.
		this.sending = []; // Requests whose line has not come back.
		this.changed = new Set(); // Keys of lines that are other than when they were drawn.
		this.nextKey = 1;
	}

	get key() {
		return placeKey(this.name, this.isPrivate);
	}

	get title() {
		return this.isPrivate ? this.name : `#${this.name}`;
	}

	/**
	 * Add a line at the end, which becomes unread if it `counts` and is not seen. Returns it, or null
	 * if it is there already.
	 */
	add(line, isSeen) {
		if (line.id && this.ids.has(line.id)) {
			return null;
		}
		line.key = this.nextKey;
		this.nextKey += 1;
		this.lines.push(line);
		if (line.id) {
			this.ids.set(line.id, line);
			this.lastId = SAID.includes(line.kind) ? line.id : this.lastId;
		}
		if (this.lines.length > FAR_TOO_MANY) {
			this.trim();
		}
		if (line.counts && !isSeen) {
			this.firstUnread = this.unread ? this.firstUnread : line.key;
			this.unread += 1;
			this.calls += line.isCall ? 1 : 0;
		}
		return line;
	}

	/** Add lines of the history (the oldest first) before all others. Returns how many are new. */
	addOlder(lines) {
		const oldest = this.lines.find((line) => line.id);
		const fresh = lines.filter(
			(line) => !this.ids.has(line.id) && (!oldest || line.time <= oldest.time),
		);
		const firstKey = (this.lines[0]?.key ?? this.nextKey) - fresh.length;
		fresh.forEach((line, index) => {
			line.key = firstKey + index;
			this.ids.set(line.id, line);
		});
		this.lines.unshift(...fresh);
		this.lastId ??= fresh.at(-1)?.id ?? null;
		return fresh.length;
	}

	/** Drop the oldest lines if there are too many. */
	trim() {
		if (this.lines.length > MOST_LINES + DROPPED) {
			for (const line of this.lines.splice(0, this.lines.length - MOST_LINES)) {
				this.ids.delete(line.id);
			}
			this.hasMore = !this.isPrivate;
		}
	}

	/** Take the words of some lines away. */
	forget(ids) {
		for (const line of ids.map((id) => this.ids.get(id))) {
			if (line) {
				line.isForgotten = true;
				line.text = "";
				this.changed.add(line.key);
			}
		}
	}

	/** Take all lines as read. */
	read() {
		this.unread = 0;
		this.calls = 0;
	}

	/** Let `person`, or a name alone, be among those who are here. */
	enter(person) {
		const found = typeof person === "string" ? { name: person } : person;
		this.people.set(fold(found.name), found);
	}

	/** Let somebody be here no longer. */
	leave(name) {
		this.people.delete(fold(name));
	}

	/** Let somebody have another name. */
	rename(old, name) {
		const person = this.people.get(fold(old));
		this.leave(old);
		this.enter({ ...person, name });
	}

	/** Return who is here, in the order of the alphabet: first names, then addresses. */
	get roll() {
		const isAddress = (name) => name.includes(":");
		return [...this.people.values()].sort(
			(a, b) => isAddress(a.name) - isAddress(b.name) || a.name.localeCompare(b.name),
		);
	}

	/** What is kept of it over a reload of the page. */
	keep() {
		const { ids, changed, isLoading, ...kept } = this;
		kept.lines = this.lines.slice(-KEPT);
		kept.people = [...this.people.values()];
		kept.sending = this.sending.filter((sent) => !sent.isSecret);
		return kept;
	}

	/** Return the place that was kept. */
	static restore({ lines, people, ...kept }) {
		const place = new Place(kept.name, kept.isPrivate);
		Object.assign(place, kept, { lines });
		place.ids = new Map(lines.filter((line) => line.id).map((line) => [line.id, line]));
		people.forEach((person) => place.enter(person));
		return place;
	}
}

/** Return what tells a place from all others. */
export function placeKey(name, isPrivate) {
	return `${isPrivate ? "@" : "#"}${fold(name)}`;
}
