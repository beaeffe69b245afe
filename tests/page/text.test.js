// What is found in texts: addresses, one's own name, what a typed line means, how it can go on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { allCommands, completions, meaning } from "./page/commands.js";
import { remark } from "./page/people.js";
import { calls, pieces } from "./page/text.js";
import { plain, span, IN_A_ROOM } from "./page/words.js";

const links = (text) => pieces(text, "").filter((piece) => piece.link).map((piece) => piece.text);

test("addresses of pages become links, without what belongs to the sentence", () => {
  assert.deepEqual(links("see https://example.org/a?b=c#d, and (http://x.org/y_(z))."), [
    "https://example.org/a?b=c#d",
    "http://x.org/y_(z)",
  ]);
});

test("nothing but a page becomes a link", () => {
  for (const text of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://", "xhttp://a.org", "https://[bad"]) {
    assert.deepEqual(links(text), [], text);
  }
});

test("a line made to be slow is taken apart as fast as any other", () => {
  const lines = ["http://a" + ")]}".repeat(1360), "http://a" + ".)".repeat(2040), "http://a" + ".".repeat(4000) + "b"];
  const before = process.cpuUsage();
  for (let i = 0; i < 20; i += 1) {
    lines.forEach(links);
  }
  const { user } = process.cpuUsage(before);
  assert.ok(user < 1e6, `${user} microseconds of CPU for 60 lines`);
});

test("no piece of a text is lost", () => {
  for (const text of ["", "ann", "ann https://a.org/ann ann", "<b>ann</b>", "https://a.org)))", "\u202eann"]) {
    assert.equal(pieces(text, "ann").map((piece) => piece.text).join(""), text);
  }
});

test("a name is found as a word, in any script", () => {
  for (const [text, name] of [["hi ANN!", "ann"], ["ann: hi", "ann"], ["(ann)", "ann"], ["ann.", "ann"], ["张三你好", "张三"], ["민수야", "민수"], ["@a.b-c", "a.b-c"]]) {
    assert.ok(calls(text, name), text);
  }
  for (const [text, name] of [["planner", "ann"], ["ann.lee", "ann"], ["joe-ann", "ann"], ["annähe", "ann"], ["anything", ""], ["axb", "a.b"]]) {
    assert.ok(!calls(text, name), text);
  }
});

test("a typed line is a command of the page, or one for the server", () => {
  assert.deepEqual(meaning("/join  #dev "), { command: "join", argument: "#dev" });
  assert.deepEqual(meaning("/LEAVE see you"), { command: "part", argument: "see you" });
  assert.deepEqual(meaning("/msg bob"), { command: "query", argument: "bob" });
  assert.deepEqual(meaning("/login ann sesame"), { command: "login", argument: "ann sesame" });
  for (const line of ["/msg bob hi", "/who", "//join dev", "hello", "/ join", "/joined x"]) {
    assert.deepEqual(meaning(line), { line });
  }
});

test("commands and names are completed", () => {
  const commands = allCommands([{ record: { command: "nick", arguments: "NAME", help: "take a name" } }, { text: "//word" }]);
  const texts = (before) => completions(before, commands, ["ann", "Andy", "bob"]).choices.map((choice) => choice.text);
  assert.deepEqual(texts("/n"), ["/nick "]);
  assert.deepEqual(texts("/J"), ["/join "]);
  assert.deepEqual(texts("AN"), ["ann: ", "Andy: "]);
  assert.deepEqual(texts("hi @an"), ["ann ", "Andy "]);
  assert.equal(completions("hi @an", commands, ["ann"]).from, 3);
  assert.deepEqual(texts("hi "), []);
  assert.deepEqual(texts(""), []);
});

test("whoever is idle or away is shown so", () => {
  assert.equal(remark({}), "");
  assert.equal(remark({ idle: 300 }), "idle for 5 minutes");
  assert.equal(remark({ away: "" }), "away");
  assert.equal(remark({ idle: 60, away: "at lunch" }), "idle for 1 minute, away: at lunch");
});

test("events are told in words", () => {
  const left = { name: "bob", counts: { dev: 1 }, words: "bye", reason: "" };
  assert.equal(plain(IN_A_ROOM.left(left, "dev")), "bob left: bye (1 is here)");
  assert.equal(plain(IN_A_ROOM.left({ ...left, reason: "kicked", by: "ann", why: "rude" }, "dev")), "bob was put out: kicked by ann: rude (1 is here)");
  assert.deepEqual([30, 1, 60, 7200, 90000].map(span), ["30 seconds", "1 second", "1 minute", "2 hours", "1 day"]);
});
