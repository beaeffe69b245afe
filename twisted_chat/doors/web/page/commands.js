// What may be typed behind a slash, and what stands for a name: for completion.

// Commands that the page does by itself.
const OWN = [
	{ command: "join", arguments: "ROOM", help: "open another room" },
	{ command: "part", arguments: "[words]", help: "leave this room" },
	{ command: "query", arguments: "NAME", help: "talk to one person" },
	{ command: "login", arguments: "", help: "opens a form" },
	{ command: "register", arguments: "", help: "opens a form" },
];

/** Return whether a passphrase may be in `text`: then it is shown and kept nowhere. */
export const mayBeSecret = (text) => /\b(login|register)\b/iu.test(text);

/**
 * Return the commands of the server's answers to `help` together with those of the page, in the
 * order of the alphabet.
 */
export function allCommands(notices) {
	const own = new Set(OWN.map((each) => each.command));
	const known = notices.map(({ record }) => record).filter((record) => record?.command);
	return [...OWN, ...known.filter((each) => !own.has(each.command))].sort((a, b) =>
		a.command.localeCompare(b.command),
	);
}

/**
 * Return how what stands before the cursor can go on: `{ from, choices }`, each choice with the
 * `text` that takes the place of what follows `from`, its `label` and its `help`.
 */
export function completions(before, commands, names) {
	const command = /^\/([a-z]*)$/iu.exec(before);
	if (command) {
		const choices = commands
			.filter((each) => each.command.startsWith(command[1].toLowerCase()))
			.map((each) => ({
				text: `/${each.command} `,
				label: `/${each.command} ${each.arguments}`.trim(),
				help: each.help,
			}));
		return { from: 0, choices };
	}
	const word = /\S+$/u.exec(before)?.[0] ?? "";
	const start = word.replace(/^@/u, "").toLowerCase();
	const isFirst = word === before;
	const choices = names
		.filter((name) => start && name.toLowerCase().startsWith(start))
		.map((name) => ({ text: isFirst ? `${name}: ` : `${name} `, label: name, help: "" }));
	return { from: before.length - word.length, choices };
}

/**
 * Return what a typed line means: `{ command, argument }` for what the page does by itself, or
 * `{ line }` for what the server is asked.
 */
export function meaning(line) {
	const [, word, rest] = /^\/([a-z]+)(?:[ \t]+(.*))?$/isu.exec(line) ?? [];
	const argument = rest?.trim() ?? "";
	const command = { leave: "part", close: "part", exit: "quit" }[word?.toLowerCase()] ?? word?.toLowerCase();
	if (["join", "part", "query", "history", "login", "register"].includes(command)) {
		return { command, argument };
	}
	if (command === "msg" && argument && !/\s/u.test(argument)) {
		return { command: "query", argument };
	}
	return { line };
}
