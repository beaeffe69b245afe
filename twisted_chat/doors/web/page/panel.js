// One place on the screen: its title and topic, its lines, and where one writes.

import { Composer } from "./composer.js";
import { button, each, h, setText } from "./dom.js";
import { Log } from "./log.js";
import { span } from "./words.js";

const SENDING = 20; // Lines on their way that are shown.

/** Shows one place. */
export class Panel {
	/** `app` does what the reader asks for: see app.js. */
	constructor(place, app) {
		this.place = place;
		this.app = app;
		this.log = new Log(place, {
			older: () => app.askForOlder(place),
			moved: () => app.looked(),
			ownName: () => app.chat.name,
		});
		this.composer = new Composer(place, {
			send: (lines) => app.type(place, lines),
			commands: () => app.commands,
			names: () => app.namesFor(place),
			secret: () => app.forms.showNames(),
			turn: (pages) => this.log.turn(pages),
		});
		this.title = h("h2", { tabIndex: -1 });
		this.topic = h("p", { className: "topic", dir: "auto" });
		this.rules = h("p", { className: "rules" });
		this.beside = button(() => app.pin(place), "beside", "Keep open");
		this.beside.title = "Keep this place on the screen beside others";
		this.closing = button(() => app.leave(place), "close", "\u00d7");
		this.jump = button(() => this.toEnd(), "jump");
		this.sending = h("div", { className: "sending", role: "group" });
		this.sending.setAttribute("aria-label", "Lines on their way");
		this.more = h("p", { className: "rules" });
		this.again = button(() => app.join(place.name), "", "Come in again");
		this.outside = h("p", { className: "outside" }, "You are not in this room. ", this.again);
		this.element = h(
			"section",
			{ className: "panel" },
			h("header", {}, this.title, this.topic, this.rules, this.beside, this.closing),
			this.log.element,
			this.jump,
			this.sending,
			this.more,
			this.outside,
			this.composer.element,
		);
	}

	/** Draw what is new. */
	draw() {
		const { place, app } = this;
		setText(this.title, place.title);
		this.element.setAttribute("aria-label", place.title);
		setText(this.topic, place.topic);
		this.topic.title = place.topic;
		const rules = [place.locked && "locked", place.slow && `one line in ${span(place.slow)}`];
		setText(this.rules, rules.filter(Boolean).join(", "));
		this.beside.setAttribute("aria-pressed", String(app.pinned.has(place)));
		this.closing.setAttribute("aria-label", `${place.isPrivate ? "Close" : "Leave"} ${place.title}`);
		this.composer.rename();
		this.outside.hidden = place.isPrivate || place.isJoined || !app.isOpen;
		this.drawSending();
		this.log.draw();
		this.drawJump();
	}

	drawJump() {
		this.jump.hidden = this.log.isAtEnd;
		const { unread } = this.place;
		setText(this.jump, unread ? `\u2193 ${unread} new ${unread === 1 ? "line" : "lines"}` : "\u2193 To the end");
	}

	drawSending() {
		const { sending } = this.place;
		each(this.sending, sending.slice(0, SENDING), (sent) => this.makeSent(sent), (element, sent) => {
			element.classList.toggle("unsure", Boolean(sent.isUnsure));
			element.querySelector(".asking").hidden = !sent.isUnsure;
		});
		const more = sending.length - SENDING;
		setText(this.more, more > 0 ? `and ${more} more` : "");
	}

	makeSent(sent) {
		const again = () => {
			this.app.discard(this.place, sent);
			this.app.type(this.place, [sent.text]);
		};
		return h(
			"div",
			{ className: "sent" },
			h("span", { className: "text", dir: "auto" }, sent.text),
			h(
				"span",
				{ className: "asking", hidden: true },
				" may not have been heard. ",
				button(again, "", "Send again"),
				" ",
				button(() => this.app.discard(this.place, sent), "", "Drop it"),
			),
		);
	}

	toEnd() {
		this.log.jump();
		this.app.looked();
		this.log.element.focus();
	}
}
