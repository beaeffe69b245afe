// The page as a whole: what the reader does, what the connection brings, what is drawn.

import { alert, drawTitle } from "./alerts.js";
import { Chat } from "./chat.js";
import { allCommands, mayBeSecret, meaning } from "./commands.js";
import { byId, each, setText } from "./dom.js";
import { Forms } from "./forms.js";
import { Panel } from "./panel.js";
import { readPeople } from "./people.js";
import { fold } from "./place.js";
import { roomOfPage, showRoomOfPage } from "./location.js";
import { settings, tab } from "./settings.js";
import { drawPeople, drawPlaces } from "./sidebar.js";
import { Status } from "./status.js";
import { clockTime } from "./times.js";
import { PHASE, Wire } from "./wire.js";

const HISTORY = 100; // Lines that are asked for at once.
const NOTED = 5; // Seconds without a connection that the lines tell of.
const ABOUT_THE_NAME = ["name taken", "bad name", "registered", "wrong passphrase", "not safe", "not registered"];

/** The page. `world` is what its Wire needs. */
export class App {
	constructor(world) {
		this.chat = new Chat({
			changed: () => this.changed(),
			called: (place, line) => alert(place, line, () => this.show(place)),
			isSeen: (place) => this.isSeen(place),
		});
		this.wire = new Wire(world, {
			hello: () => this.hello(),
			event: (event, request) => this.hear(event, request),
			phase: (phase, detail) => this.phased(phase, detail),
			resumed: () => this.resumed(),
			unsure: (requests) => this.chat.unsure(requests),
			tooLong: (request) => this.refuse(request, "That is too long"),
		});
		this.name = settings.name; // The name that the reader has chosen.
		this.owned = {}; // A `name` and its `passphrase`, as long as this page is open.
		this.commands = [];
		this.panels = new Map();
		this.pinned = new Set(); // Places that stay on the screen beside the current one.
		this.whyUnnamed = ""; // Why the reader does not have the name it has chosen.
		this.wanted = null; // The room to join when the session goes on.
		this.joined = null; // The room that was entered last.
		this.opensTalk = false; // Whether the reader has just begun to talk to somebody.
		this.isDrawn = true; // Or it is when the browser draws next.
		this.lostAt = null; // Unix time since which there is no connection.
		this.status = new Status(this);
		this.forms = new Forms(this);
	}

	/** Come into the chat: where this tab was before a reload, or in the room of the address. */
	start() {
		const kept = tab.take();
		tab.keep(null);
		if (kept) {
			this.chat.restore(kept.chat);
			this.wire.restore(kept.wire);
		}
		const room = roomOfPage();
		if (!this.chat.current?.isPrivate || !this.chat.find(room, false)) {
			this.chat.show(this.chat.open(room, false));
		}
		this.wanted = room;
		this.draw();
		this.focus();
		this.wire.start();
	}

	/** Keep what a reload, or a browser that ends this tab in the background, would lose. */
	keep() {
		if (this.wire.hasSession) {
			tab.keep({ chat: this.chat.keep(), wire: this.wire.keep() });
		}
	}

	get isOpen() {
		return this.wire.phase === PHASE.OPEN;
	}

	// What the connection brings.

	hello() {
		const hello = { rooms: this.chat.wanted() };
		if (this.name) {
			hello.name = this.name;
		}
		if (this.name === this.owned.name) {
			Object.assign(hello, this.owned);
		}
		return hello;
	}

	hear(event, request) {
		if (event.event === "greeting") {
			this.noteOutage();
		}
		this.chat.hear(event, request);
		if (event.event === "greeting" || event.event === "joined") {
			this.joined = this.chat.find(event.room, false);
			this.entered(this.joined);
		}
		if (event.event === "greeting") {
			this.greeted();
		}
		if (event.event === "told" && event.sender === "you" && this.opensTalk) {
			this.opensTalk = false;
			this.show(this.chat.find(event.receiver, true));
		}
		if (event.event === "role" && event.role === "guest") {
			this.owned = {};
		}
		if (event.event === "renamed" && event.old === "you") {
			this.named(event.new);
		}
	}

	resumed() {
		this.noteOutage();
		if (this.wanted) {
			// The page was loaded again: its questions may have no answer.
			this.named(this.chat.name);
			this.chat.rooms.filter((place) => place.isJoined).forEach((place) => this.entered(place));
			this.askForCommands();
			if (!this.chat.find(this.wanted, false).isJoined) {
				this.join(this.wanted);
			}
			this.wanted = null;
		}
	}

	async askForCommands() {
		const { events } = await this.ask({ command: "help" });
		this.commands = allCommands(events);
	}

	greeted() {
		this.wanted = null; // It is among the rooms of the hello.
		this.named(this.chat.name);
		this.askForCommands();
	}

	named(name) {
		if (name.includes(":")) {
			this.forms.showNaming(this.whyUnnamed);
		} else {
			this.name = name;
			settings.choose({ name });
			byId("naming").hidden = true;
		}
		this.whyUnnamed = "";
	}

	entered(place) {
		readPeople(this.wire, place, () => this.changed());
		if (place.lastId === null) {
			this.askForOlder(place);
		}
	}

	phased(phase, detail) {
		if (phase === PHASE.WAITING || phase === PHASE.OVER) {
			this.lostAt ??= Date.now() / 1000;
		}
		const isAboutName = this.name && ABOUT_THE_NAME.includes(detail.refusal?.kind);
		if (phase === PHASE.OVER && isAboutName) {
			// Come in under another name, and say why.
			this.whyUnnamed = detail.refusal.text;
			this.name = "";
			this.owned = {};
			this.wire.start();
			return;
		}
		this.status.show(phase, detail);
		this.changed();
	}

	/** There is a connection again: tell in each place since when there was none. */
	noteOutage() {
		const since = this.lostAt;
		this.lostAt = null;
		if (since !== null && Date.now() / 1000 - since > NOTED) {
			for (const place of this.chat.rooms) {
				this.chat.note(place, [`No connection since ${clockTime(since)}. What was said meanwhile follows`], "gap");
			}
		}
	}

	refuse(request, text) {
		this.chat.hear({ event: "refused", text, ref: request.ref }, request);
	}

	/** Find out whether there is a connection: the browser may not know that yet. */
	wake() {
		this.wire.hurry();
		const { current } = this.chat;
		const room = current?.isPrivate === false ? current.name : "lobby";
		this.wire.check({ history: room, before: null, count: 1 });
	}

	/** The reader looks at this tab again. */
	returned() {
		tab.keep(null); // A copy of this tab must not take its session.
		this.wake();
		this.looked();
	}

	// What the reader does.

	/** Send what was typed in `place`. Returns whether it was taken. */
	type(place, lines) {
		if (!this.wire.hasSession) {
			return false;
		}
		lines.forEach((line) => this.typeLine(place, line));
		this.panels.get(place)?.log.jump();
		return true;
	}

	typeLine(place, typed) {
		const { command, argument, line } = meaning(typed);
		if (command) {
			TYPED[command](this, place, argument);
			return;
		}
		const isCommand = /^\/[a-z]/iu.test(line);
		const frame =
			place.isPrivate && !isCommand
				? { command: "msg", argument: `${place.name} ${line.replace(/^\/(?=\/+[a-z])/iu, "")}` }
				: { line, room: this.roomFor(place) };
		const about = { place: [place.name, place.isPrivate] };
		this.opensTalk = /^\/(msg|reply)\s/iu.test(line) && !place.isPrivate;
		this.chat.sent(place, this.wire.request(frame, { about, secret: mayBeSecret(typed) }), typed);
	}

	/** Return the name of the room that a command typed in `place` is about. */
	roomFor(place) {
		return place.isPrivate ? (this.chat.rooms.find((room) => room.isJoined)?.name ?? "") : place.name;
	}

	/** Send nothing more of a line that may not have been heard. */
	discard(place, sent) {
		place.sending = place.sending.filter((other) => other !== sent);
		this.changed();
	}

	/**
	 * Ask for something. Returns a promise of the `events` that answer, and of the last one, which is
	 * null if there was no answer. `options` are those of Wire.request.
	 */
	ask(frame, options = {}) {
		return new Promise((resolve) => {
			const events = [];
			const end = (last) => resolve({ events, last });
			if (!this.wire.request(frame, { each: (event) => events.push(event), ...options, end })) {
				end(null);
			}
		});
	}

	/** Use a command for a form. Returns a promise of what went wrong, "" if nothing. */
	async command(command, argument, secret = false) {
		const { events, last } = await this.ask({ command, argument }, { secret });
		for (const event of events.filter((each) => each !== last)) {
			this.chat.hear(event);
		}
		return wrong(last);
	}

	/** Open a room. Returns a promise of what went wrong, "" if nothing. */
	async join(name) {
		const room = name.trim().replace(/^#/u, "");
		const place = this.chat.find(room, false);
		if (place?.isJoined) {
			this.show(place);
			return "";
		}
		const since = place?.lastId ?? null;
		if (place) {
			place.isCatchingUp = since !== null;
		}
		const { last } = await this.ask({ join: room, since });
		if (last?.event === "refused") {
			this.chat.hear(last);
		} else if (last) {
			this.show(this.joined);
		}
		return wrong(last);
	}

	/** Leave a room, or close a conversation. */
	leave(place, words = "") {
		if (place.isJoined && this.wire.hasSession) {
			this.wire.request({ part: place.name, ...(words && { words }) }, { each: () => {} });
		}
		this.pinned.delete(place);
		this.panels.get(place)?.element.remove();
		this.panels.delete(place);
		this.chat.close(place);
		if (!this.chat.current) {
			this.forms.showRooms();
		}
		this.focus();
	}

	/** Talk to one person. */
	talkTo(name) {
		const place = this.chat.open(name, true);
		this.show(place);
	}

	/** Show a place. */
	show(place) {
		this.chat.show(place);
		document.body.classList.remove("shows-places", "shows-people");
		showRoomOfPage(place);
		this.draw();
		this.focus();
	}

	/** Show the place that is so many further down in the list. */
	step(by) {
		const places = [...this.chat.places.values()];
		const next = places.indexOf(this.chat.current) + by;
		if (places.length) {
			this.show(places[(next + places.length) % places.length]);
		}
	}

	/** Keep a place on the screen beside others, or do so no longer. */
	pin(place) {
		if (!this.pinned.delete(place)) {
			this.pinned.add(place);
		}
		this.draw();
	}

	/** Let the reader write in the place that is shown. A phone's keyboard would hide the lines. */
	focus() {
		const panel = this.panels.get(this.chat.current);
		const isPhone = window.matchMedia("(pointer: coarse)").matches;
		(isPhone ? panel?.title : panel?.composer.field)?.focus();
	}

	async askForOlder(place) {
		if (place.isLoading || !place.hasMore || !this.isOpen) {
			return;
		}
		place.isLoading = true;
		const before = place.lines.find((line) => line.id)?.id ?? null;
		const { events, last } = await this.ask({ history: place.name, before, count: HISTORY });
		const lines = events.filter((event) => event.event === "retold");
		this.chat.addHistory(place, lines, last?.more ?? false);
	}

	/** Return the names that may be completed in `place`: who is there, and who spoke. */
	namesFor(place) {
		const spoke = place.lines.slice(-200).map((line) => line.name);
		const names = [...spoke.reverse(), ...place.roll.map((person) => person.name), place.isPrivate && place.name];
		const known = new Map(names.filter(Boolean).map((name) => [fold(name), name]));
		known.delete(fold(this.chat.name));
		return [...known.values()];
	}

	// What is drawn.

	/** Return whether the reader sees the end of `place`. */
	isSeen(place) {
		const isRead = document.visibilityState === "visible" && document.hasFocus();
		const panel = this.panels.get(place);
		return isRead && Boolean(panel?.log.isAtEnd) && this.shown.includes(place);
	}

	/** The places on the screen. */
	get shown() {
		const places = [...this.chat.places.values()];
		return places.filter((place) => place === this.chat.current || this.pinned.has(place));
	}

	/** The reader looks here, or at the end of a place: what is seen is read. */
	looked() {
		for (const place of this.shown) {
			if (place.unread && this.isSeen(place)) {
				place.read();
			}
		}
		this.changed();
	}

	changed() {
		if (document.visibilityState === "hidden") {
			drawTitle(this.chat);
		}
		if (this.isDrawn) {
			this.isDrawn = false;
			requestAnimationFrame(() => this.draw());
		}
	}

	draw() {
		const { shown } = this;
		this.isDrawn = true;
		each(byId("panels"), shown, (place) => this.panelFor(place).element, (element, place) => {
			element.classList.toggle("current", place === this.chat.current);
		});
		for (const place of shown) {
			if (place.unread && this.isSeen(place)) {
				place.read();
			}
			this.panels.get(place).draw();
		}
		for (const place of this.chat.places.values()) {
			if (this.panels.get(place)?.log.isAtEnd ?? true) {
				place.trim();
			}
		}
		drawPlaces(this);
		drawPeople(this);
		drawTitle(this.chat);
		setText(byId("name-button"), this.chat.name || "\u2026");
		const elsewhere = this.chat.unread - (this.chat.current?.unread ?? 0);
		setText(byId("places-button"), elsewhere ? `Rooms (${elsewhere})` : "Rooms");
	}

	panelFor(place) {
		if (!this.panels.has(place)) {
			this.panels.set(place, new Panel(place, this));
		}
		return this.panels.get(place);
	}
}

/** Return what went wrong, by the last event of an answer. */
function wrong(last) {
	if (last === null) {
		return "There is no connection: try again later";
	}
	return last.event === "refused" ? last.text : "";
}

// What the page does by itself when it is typed.
const TYPED = {
	join: (app, place, room) => app.join(room),
	part: (app, place, words) => app.leave(place, words),
	query: (app, place, name) => name && app.talkTo(name),
	history: (app, place) => app.askForOlder(place),
	login: (app) => app.forms.showNames(),
	register: (app) => app.forms.showNames(),
};
