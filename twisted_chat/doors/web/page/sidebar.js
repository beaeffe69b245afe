// The list of the places, and the list of who is in the room that is shown.

import { button, byId, each, h, setText } from "./dom.js";

/** Draw the list of places. */
export function drawPlaces(app) {
	const make = (place) => {
		const name = h("bdi", { className: "name" });
		const count = h("span", { className: "count" });
		const item = button(() => app.show(place), "", name, " ", count);
		return h("li", {}, item);
	};
	each(byId("places"), [...app.chat.places.values()], make, (element, place) => {
		const [item] = element.children;
		const [name, count] = item.children;
		setText(name, place.title);
		const unread = `${place.unread} unread${place.calls ? `, ${place.calls} for you` : ""}`;
		setText(count, place.unread ? String(place.unread) : "");
		count.hidden = place.unread === 0;
		item.setAttribute("aria-label", place.unread ? `${place.title}, ${unread}` : place.title);
		item.setAttribute("aria-current", place === app.chat.current ? "page" : "false");
		item.classList.toggle("calls", place.calls > 0);
		item.classList.toggle("outside", !place.isPrivate && !place.isJoined);
	});
}

/** Draw who is here. */
export function drawPeople(app) {
	const place = app.chat.current;
	const isRoom = Boolean(place) && !place.isPrivate;
	byId("people").hidden = !isRoom;
	byId("people-button").hidden = !isRoom;
	if (!isRoom) {
		return;
	}
	setText(byId("people-title"), `In ${place.title} (${place.count})`);
	const people = new Map(place.roll.map((person) => [person.name, person]));
	const make = (name) => {
		const item = button(() => app.talkTo(name), "", h("bdi", {}, name));
		return h("li", {}, item, h("span", { className: "remark" }));
	};
	each(byId("people-list"), [...people.keys()], make, (element, name) => {
		const [item, remark] = element.children;
		const isSelf = name === app.chat.name;
		item.disabled = isSelf;
		const remarks = [isSelf && "you", people.get(name).remark];
		setText(remark, remarks.filter(Boolean).join(", "));
	});
}
