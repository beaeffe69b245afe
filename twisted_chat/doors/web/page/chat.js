// What the page knows of the chat: oneself, the places where one talks, and what was said there.
// It knows nothing of the screen and of the connection: events go in, changes are told.

import { calls } from "./text.js";
import { ALONE, IN_A_ROOM, plain } from "./words.js";
import { Place, fold, placeKey } from "./place.js";

const YOU = "you"; // Stands for the reader in events.

/** The state of the page. */
export class Chat {
	/**
	 * `on`: `changed()` is called when there is something new to show, `called(place, line)` for a
	 * line that is for the reader and not seen; `isSeen(place)` returns whether its end is seen.
	 */
	constructor(on) {
		this.on = on;
		this.name = "";
		this.role = "guest";
		this.places = new Map();
		this.current = null; // The place that is shown.
	}

	/** Return the place of that name, or undefined. */
	find(name, isPrivate) {
		return this.places.get(placeKey(name, isPrivate));
	}

	/** Return the place of that name, a new one if there is none. */
	open(name, isPrivate) {
		const place = this.find(name, isPrivate) ?? new Place(name, isPrivate);
		if (!this.places.has(place.key)) {
			this.places.set(place.key, place);
			this.current ??= place;
			this.on.changed();
		}
		return place;
	}

	/** Show a place. */
	show(place) {
		this.current = place;
		this.on.changed();
	}

	/** Close a place, and show the one before it if it was shown. */
	close(place) {
		const places = [...this.places.values()];
		const index = places.indexOf(place);
		this.places.delete(place.key);
		if (this.current === place) {
			this.current = places[index - 1] ?? places[index + 1] ?? null;
		}
		this.on.changed();
	}

	/** The rooms, in the order in which they were opened. */
	get rooms() {
		return [...this.places.values()].filter((place) => !place.isPrivate);
	}

	/** Unread lines in all places. */
	get unread() {
		return [...this.places.values()].reduce((sum, place) => sum + place.unread, 0);
	}

	/** Return what to tell the server of the rooms: the last line that was seen of each. */
	wanted() {
		const rooms = {};
		for (const place of this.rooms) {
			place.isCatchingUp = place.lastId !== null;
			rooms[place.name] = place.lastId;
		}
		return rooms;
	}

	// Events.

	/** Take in an event, and the `request` that it answers if any. */
	hear(event, request) {
		const isEntering = event.event === "greeting" || event.event === "joined";
		const place = isEntering ? this.open(event.room, false) : this.whereabouts(event, request);
		if (place !== undefined && Object.hasOwn(HEARD, event.event)) {
			HEARD[event.event].call(this, event, place, request);
			this.on.changed();
		}
	}

	/**
	 * Return the place that an event is about: that of its room (undefined if it is not open), or
	 * that of the request.
	 */
	whereabouts(event, request) {
		if (event.room !== undefined) {
			return this.find(event.room, false);
		}
		return (request?.about?.place && this.find(...request.about.place)) || this.current;
	}

	/** Tell a line of the page's own, as a list of words. */
	note(place, words, kind = "note", time = Date.now() / 1000) {
		this.add(place, { kind, words, text: plain(words), time });
	}

	add(place, line) {
		const isSeen = this.on.isSeen(place);
		const added = place?.add(line, isSeen);
		if (added?.isCall && !isSeen) {
			this.on.called(place, added);
		}
		this.on.changed();
	}

	/** Somebody said (or does) something in a room: just so, or `isPast`. */
	speak(place, event, isEmoted, isPast = false) {
		const line = spoken(event, isEmoted, this.name);
		line.counts = !line.isMine && (!isPast || place.isCatchingUp);
		line.isCall = line.counts && calls(event.text, this.name);
		this.add(place, line);
	}

	/** Take in lines of the history, and whether there are `more` before them. */
	addHistory(place, events, more) {
		place.isLoading = false;
		place.hasMore = more;
		place.addOlder(events.map((event) => spoken(event, event.emoted, this.name)));
		this.on.changed();
	}

	/** Somebody has another name: move the conversation along. */
	moveConversation(old, name) {
		const place = this.find(old, true);
		if (place && !this.find(name, true)) {
			const order = [...this.places.values()];
			place.name = name;
			this.places = new Map(order.map((each) => [each.key, each]));
		}
		return place;
	}

	/** Take a request as sent: its line waits in `place` until it comes back. */
	sent(place, request, text) {
		place.sending.push({ ref: request.ref, text, isSecret: request.secret });
		place.firstUnread = null;
		this.on.changed();
	}

	/** Nothing more comes of that request. Returns the line that was sent with it. */
	answered(request) {
		const place = request?.about?.place && this.find(...request.about.place);
		const sent = place?.sending.find((each) => each.ref === request.ref && !each.isUnsure);
		if (sent) {
			place.sending = place.sending.filter((each) => each !== sent);
			this.on.changed();
		}
		return sent;
	}

	/** The session is over: of these requests nobody knows whether they were heard. */
	unsure(requests) {
		for (const { about, ref } of requests) {
			const place = about?.place && this.find(...about.place);
			for (const each of place?.sending ?? []) {
				each.isUnsure ||= each.ref === ref;
			}
		}
		for (const place of this.rooms) {
			place.isJoined = false;
			place.isLoading = false;
		}
		this.on.changed();
	}

	/** What has to be kept over a reload of the page. */
	keep() {
		const places = [...this.places.values()].map((place) => place.keep());
		return { name: this.name, role: this.role, current: this.current?.key, places };
	}

	/** Be as it was when that was kept. */
	restore({ name, role, current, places }) {
		Object.assign(this, { name, role });
		this.places = new Map(places.map(Place.restore).map((place) => [place.key, place]));
		this.current = this.places.get(current) ?? null;
	}
}

/** Note in a room what happens there. */
function tellRoom(chat, place, event, kind = "note") {
	place.count = event.count ?? place.count;
	chat.note(place, IN_A_ROOM[event.event](event), kind, event.time);
}

function enterRoom(event, place) {
	const { count, slow = 0, locked = false } = event;
	Object.assign(place, { isJoined: true, count, slow, locked, topic: "" });
	this.name = event.name ?? this.name;
}

// What comes of each event. `this` is the Chat, `place` where it belongs.
const HEARD = {
	greeting: enterRoom,
	joined: enterRoom,
	said(event, place, request) {
		this.answered(request);
		this.speak(place, event, false);
	},
	emoted(event, place) {
		this.speak(place, event, true);
	},
	retold(event, place) {
		if (event.ref === undefined) {
			this.speak(place, event, event.emoted, true);
		}
	},
	done(event, place, request) {
		this.answered(request);
	},
	told({ sender, receiver, text, time, id }) {
		const isMine = sender === YOU;
		const other = isMine ? receiver : sender;
		const place = this.open(other, true);
		place.name = other;
		const name = isMine ? this.name : sender;
		this.add(place, { kind: "said", name, text, time, id, isMine, counts: !isMine, isCall: !isMine });
	},
	entered(event, place) {
		place.enter(event.name);
		tellRoom(this, place, event, "coming");
	},
	parted(event, place) {
		place.leave(event.name);
		tellRoom(this, place, event, "coming");
	},
	left(event) {
		for (const [room, count] of Object.entries(event.counts)) {
			const place = this.find(room, false);
			if (place) {
				place.count = count;
				place.leave(event.name);
				this.note(place, IN_A_ROOM.left(event, room), "coming", event.time);
			}
		}
		const talk = this.find(event.name, true);
		if (talk) {
			this.note(talk, IN_A_ROOM.left(event), "coming", event.time);
		}
	},
	renamed(event) {
		const isOwn = event.old === YOU;
		const old = isOwn ? this.name : event.old;
		this.name = isOwn ? event.new : this.name;
		const words = (isOwn ? ALONE : IN_A_ROOM).renamed(event);
		const rooms = (event.rooms ?? []).map((room) => this.find(room, false)).filter(Boolean);
		rooms.forEach((place) => place.rename(old, event.new));
		const talk = isOwn ? null : this.moveConversation(old, event.new);
		for (const place of talk ? [...rooms, talk] : rooms) {
			this.note(place, words, "coming", event.time);
		}
	},
	topic(event, place) {
		place.topic = event.topic;
		// A newcomer is told the topic without a time: it stands above the lines.
		if (event.time !== undefined) {
			tellRoom(this, place, event);
		}
	},
	slowed(event, place) {
		place.slow = event.seconds;
		tellRoom(this, place, event);
	},
	locked(event, place) {
		place.locked = event.locked;
		tellRoom(this, place, event);
	},
	announced(event, place) {
		const words = IN_A_ROOM.announced(event);
		const { id, time } = event;
		this.add(place, { kind: "announced", words, text: plain(words), id, time, counts: true });
	},
	forgotten(event, place) {
		place.forget(event.ids);
	},
	gap(event, place) {
		this.note(place, ["Lines are missing here: they are not kept any more"], "gap");
	},
	role(event, place) {
		this.role = event.role;
		this.note(place, ALONE.role(event), "answer", event.time);
	},
	put_out(event, place) {
		place.isJoined = false;
		this.note(place, ALONE.put_out(event), "refused", event.time);
	},
	refused(event, place, request) {
		const sent = this.answered(request);
		const words = sent && !sent.isSecret ? [event.text, " \u2014 you wrote: ", sent.text] : [event.text];
		this.note(place, words, "refused");
	},
};

for (const name of ["mute", "name_lost", "acted", "stopping", "notice", "motd"]) {
	HEARD[name] = function (event, place) {
		this.note(place, ALONE[name](event), name === "motd" ? "motd" : "answer", event.time);
	};
}

function spoken({ name, text, time, id }, isEmoted, ownName) {
	return { kind: isEmoted ? "emoted" : "said", name, text, time, id, isMine: name === ownName };
}
