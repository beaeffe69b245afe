// The room in the address of the page: `/dev` is the room dev, `/` the lobby.

const LOBBY = "lobby";
const FILES = ["favicon.ico", "robots.txt", "sw.js"]; // Addresses of files, and no rooms.

/** Return the room that the address names. */
export function roomOfPage() {
	const last = location.pathname.split("/").at(-1);
	try {
		return decodeURIComponent(last).replace(/^#/u, "") || LOBBY;
	} catch {
		return LOBBY;
	}
}

/** Let the address name the room that is shown. */
export function showRoomOfPage(place) {
	if (!place.isPrivate && place.name !== roomOfPage()) {
		const isFile = FILES.includes(place.name) || place.name.startsWith("apple-touch-icon");
		const path = encodeURIComponent(isFile ? `#${place.name}` : place.name);
		history.replaceState(null, "", place.name === LOBBY ? "./" : path);
	}
}
