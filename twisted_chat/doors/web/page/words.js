// The words that the page writes for events. Each text is a list of strings and of `{ name }`, so
// that a name is shown apart from the words around it, whatever letters it has.

const count = (number) => (number === 1 ? "1 is here" : `${number} are here`);
const behind = (words) => (words ? `: ${words}` : "");
const name = (text) => ({ name: text });
const room = (text) => name(`#${text}`);

/** Return how long `seconds` are, in words. */
export function span(seconds) {
	const units = { day: 86400, hour: 3600, minute: 60 };
	for (const [unit, length] of Object.entries(units)) {
		if (seconds >= length) {
			const number = Math.floor(seconds / length);
			return `${number} ${unit}${number === 1 ? "" : "s"}`;
		}
	}
	const whole = Math.ceil(seconds);
	return `${whole} second${whole === 1 ? "" : "s"}`;
}

/** Return the words for an event that all in a room hear of. */
export const IN_A_ROOM = {
	entered: (event) => [name(event.name), ` entered (${count(event.count)})`],
	parted: (event) => departed(event, event.count),
	left: (event, where) => departed(event, event.counts[where]),
	renamed: (event) => [name(event.old), " is now called ", name(event.new)],
	topic: (event) =>
		event.topic
			? [name(event.by), ` set the topic: ${event.topic}`]
			: [name(event.by), " took the topic away"],
	slowed: (event) => [
		name(event.by),
		event.seconds
			? ` lets everybody say one line in ${span(event.seconds)}`
			: " lets everybody say as many lines as they like",
	],
	locked: (event) => [
		name(event.by),
		event.locked ? " lets nobody new into the room" : " lets everybody into the room again",
	],
	announced: (event) => [name(event.by), ` announces: ${event.text}`],
};

function departed(event, left) {
	const how = event.reason ? [" was put out: ", ...cause(event)] : [` left${behind(event.words)}`];
	return [name(event.name), ...how, left === undefined ? "" : ` (${count(left)})`];
}

function cause({ reason, by, why }) {
	return [reason, ...(by ? [" by ", name(by)] : []), behind(why)];
}

const ROLES = { guest: "a guest", registered: "the owner of your name", operator: "an operator" };

/** Return the words for an event that is told to the reader alone. */
export const ALONE = {
	renamed: (event) => ["You are now called ", name(event.new)],
	role: (event) => [`You are ${ROLES[event.role] ?? event.role} now`],
	mute: ({ until, time }) => {
		if (until === 0) {
			return ["You are heard again"];
		}
		return [until === null ? "Nobody hears you" : `Nobody hears you for ${span(until - time)}`];
	},
	name_lost: (event) => {
		const words = {
			login: " is used by its owner now",
			reset: " was given another passphrase",
			release: " belongs to nobody any more",
		};
		return [name(event.name), words[event.cause] ?? " is not yours any more"];
	},
	put_out: (event) => [
		"You were put out",
		...(event.room ? [" of ", room(event.room)] : []),
		": ",
		...cause(event),
	],
	acted: (event) => [
		name(event.who),
		`: ${event.what} `,
		name(event.whom),
		event.address ? ` (${event.address})` : "",
		event.seconds ? ` for ${span(event.seconds)}` : "",
		behind(event.why),
	],
	stopping: () => ["The chat is being stopped. This page comes back by itself"],
	notice: (event) => [event.text],
	refused: (event) => [event.text],
	motd: (event) => [event.text],
};

/** Return what a list of words says as one text. */
export function plain(words) {
	return words.map((word) => word.name ?? word).join("");
}
