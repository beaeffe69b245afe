// Asks who is in a room, and reads the answer.

import { span } from "./words.js";

/** Ask who is in `place`, and call `read` when that is known. */
export function readPeople(wire, place, read) {
	const each = ({ record }) => {
		if (record?.count !== undefined) {
			place.people.clear();
		}
		for (const { name, ...rest } of record?.members ?? []) {
			place.enter({ name, remark: remark(rest) });
		}
	};
	wire.request({ command: "who", room: place.name }, { each, end: read });
}

/** Return what stands beside a name: for how long somebody said nothing, and whether it listens. */
export function remark({ idle, away }) {
	const remarks = [idle !== undefined && `idle for ${span(idle)}`, away !== undefined && "away"];
	return remarks.filter(Boolean).join(", ") + (away ? `: ${away}` : "");
}
