// The state of the page: what comes of events, what is unread, what a reload keeps.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Chat } from "./page/chat.js";

/** A Chat of ann in the lobby. `seen` holds the places whose end is seen. */
function setUp() {
  const seen = new Set();
  const called = [];
  const chat = new Chat({
    changed: () => {},
    called: (place, line) => called.push([place.title, line.text]),
    isSeen: (place) => seen.has(place),
  });
  chat.hear({ event: "greeting", room: "lobby", count: 1, name: "ann" });
  return { chat, seen, called, lobby: chat.find("lobby", false) };
}

let number = 0;
function said(text, more = {}) {
  number += 1;
  return { event: "said", room: "lobby", name: "bob", text, time: 1e9 + number, id: `x-${number}`, ...more };
}
const texts = (place) => place.lines.map((line) => line.text);

test("a line is shown once, however often it comes", () => {
  const { chat, lobby } = setUp();
  const event = said("hi");
  chat.hear(event);
  chat.hear(event);
  chat.hear({ ...event, event: "retold", emoted: false });
  assert.deepEqual(texts(lobby), ["hi"]);
});

test("what others say is unread until its end is seen, and a rule stands before the first", () => {
  const { chat, lobby } = setUp();
  chat.hear(said("one"));
  chat.hear(said("two"));
  chat.hear(said("mine", { name: "ann" }));
  assert.equal(lobby.unread, 2);
  assert.equal(lobby.lines.find((line) => line.key === lobby.firstUnread).text, "one");
  lobby.read();
  chat.hear(said("three"));
  assert.equal(lobby.unread, 1);
  assert.equal(lobby.lines.find((line) => line.key === lobby.firstUnread).text, "three");
});

test("nothing is unread where the reader looks", () => {
  const { chat, seen, called, lobby } = setUp();
  seen.add(lobby);
  chat.hear(said("ann: hi"));
  assert.equal(lobby.unread, 0);
  assert.deepEqual(called, []);
});

test("whoever is called by name, or told something alone, is told", () => {
  const { chat, called, lobby } = setUp();
  chat.hear(said("hi"));
  chat.hear(said("Ann, hi"));
  chat.hear({ event: "told", sender: "bob", receiver: "you", text: "psst", time: 1, id: "y-1" });
  assert.deepEqual(called, [["#lobby", "Ann, hi"], ["bob", "psst"]]);
  assert.equal(lobby.calls, 1);
  assert.equal(chat.unread, 3);
});

test("people come, go and have other names", () => {
  const { chat, lobby } = setUp();
  const names = () => lobby.roll.map((person) => person.name);
  chat.hear({ event: "entered", room: "lobby", name: "10.0.0.1:7", count: 2, time: 1, id: "z-1" });
  chat.hear({ event: "entered", room: "lobby", name: "bob", count: 3, time: 1, id: "z-2" });
  chat.hear({ event: "renamed", old: "10.0.0.1:7", new: "Zoe", rooms: ["lobby"], time: 1, id: "z-3" });
  assert.deepEqual(names(), ["bob", "Zoe"]);
  chat.hear({ event: "left", name: "bob", counts: { lobby: 2 }, words: "", reason: "", time: 1, id: "z-4" });
  assert.deepEqual(names(), ["Zoe"]);
  assert.equal(lobby.count, 2);
});

test("a conversation goes along with the name of the other", () => {
  const { chat } = setUp();
  chat.hear({ event: "told", sender: "bob", receiver: "you", text: "psst", time: 1, id: "y-2" });
  const talk = chat.find("bob", true);
  chat.hear({ event: "renamed", old: "bob", new: "rob", rooms: ["lobby"], time: 1, id: "y-3" });
  assert.equal(chat.find("rob", true), talk);
  assert.equal(chat.find("bob", true), undefined);
  chat.hear({ event: "told", sender: "you", receiver: "rob", text: "yes", time: 1, id: "y-4" });
  assert.deepEqual(texts(talk), ["psst", "bob is now called rob", "yes"]);
});

test("one conversation is not opened twice for two spellings of a name", () => {
  const { chat } = setUp();
  chat.open("BOB", true);
  chat.hear({ event: "told", sender: "bob", receiver: "you", text: "psst", time: 1, id: "y-5" });
  assert.deepEqual([...chat.places.values()].map((place) => place.title), ["#lobby", "bob"]);
});

test("the history goes before all other lines, without those that are there", () => {
  const { chat, lobby } = setUp();
  chat.hear(said("new"));
  const { id, time } = lobby.lines[0];
  const retold = (text, when, name) => ({ event: "retold", room: "lobby", name: "bob", text, emoted: false, time: when, id: name });
  chat.addHistory(lobby, [retold("older", 1, "h-1"), retold("old", 2, "h-2"), retold("new", time, id)], false);
  assert.deepEqual(texts(lobby), ["older", "old", "new"]);
  const keys = lobby.lines.map((line) => line.key);
  assert.deepEqual(keys, [keys[0], keys[0] + 1, keys[0] + 2]);
  assert.equal(lobby.unread, 1);
  assert.equal(lobby.hasMore, false);
});

test("lines that were missed are unread, and those of a room that one opens are not", () => {
  const { chat, lobby } = setUp();
  const retold = (room, id) => ({ event: "retold", room, name: "bob", text: "hi", emoted: false, time: 1, id });
  chat.hear({ event: "joined", room: "dev", count: 1, name: "ann" });
  chat.hear(retold("dev", "r-1"));
  assert.equal(chat.find("dev", false).unread, 0);
  chat.hear(said("before"));
  lobby.read();
  assert.deepEqual(chat.wanted(), { lobby: lobby.lines[0].id, dev: "r-1" });
  chat.hear(retold("lobby", "r-2"));
  assert.equal(lobby.unread, 1);
});

test("what is not known any more is told", () => {
  const { chat, lobby } = setUp();
  chat.hear({ event: "gap", room: "lobby" });
  assert.equal(lobby.lines[0].kind, "gap");
});

test("a line on its way is replaced by the line that comes back, or by why it was refused", () => {
  const { chat, lobby } = setUp();
  const request = (ref) => ({ ref, about: { place: ["lobby", false] } });
  chat.sent(lobby, { ref: 1 }, "one");
  chat.sent(lobby, { ref: 2 }, "two");
  chat.hear(said("one", { name: "ann", ref: 1 }), request(1));
  assert.deepEqual(lobby.sending.map((each) => each.text), ["two"]);
  chat.hear({ event: "refused", text: "too fast", kind: "too fast", ref: 2 }, request(2));
  assert.deepEqual(lobby.sending, []);
  assert.match(lobby.lines.at(-1).text, /too fast.*two/);
});

test("where nobody knows whether a line was heard, it stays until the person says what to do", () => {
  const { chat, lobby } = setUp();
  chat.sent(lobby, { ref: 1 }, "one");
  chat.unsure([{ ref: 1, about: { place: ["lobby", false] } }]);
  assert.equal(lobby.sending[0].isUnsure, true);
  // A request of the next session may have the same number.
  chat.hear({ event: "done", ref: 1 }, { ref: 1, about: { place: ["lobby", false] } });
  assert.equal(lobby.sending.length, 1);
});

test("a line that is forgotten is shown without its words", () => {
  const { chat, lobby } = setUp();
  const event = said("a secret");
  chat.hear(event);
  chat.hear({ event: "forgotten", room: "lobby", ids: [event.id, "unknown"], by: "chatctl", time: 1, id: "f-1" });
  assert.equal(JSON.stringify(lobby.keep()).includes("a secret"), false);
  assert.deepEqual([...lobby.changed], [lobby.lines[0].key]);
});

test("a room keeps 5,000 lines, and the older ones are left to the history", () => {
  const { chat, lobby } = setUp();
  lobby.hasMore = false;
  for (let index = 0; index < 12000; index += 1) {
    chat.hear(said("x"));
  }
  assert.ok(lobby.lines.length <= 10001);
  lobby.trim();
  assert.equal(lobby.lines.length, 5000);
  assert.equal(lobby.ids.size, 5000);
  assert.equal(lobby.hasMore, true);
});

test("a reload shows what was there", () => {
  const { chat, lobby } = setUp();
  chat.hear(said("hi"));
  chat.hear({ event: "told", sender: "bob", receiver: "you", text: "psst", time: 1, id: "y-9" });
  chat.show(chat.find("bob", true));
  const after = setUp().chat;
  after.restore(JSON.parse(JSON.stringify(chat.keep())));
  assert.deepEqual([...after.places.values()].map((place) => [place.title, texts(place), place.unread]), [
    ["#lobby", ["hi"], 1],
    ["bob", ["psst"], 1],
  ]);
  assert.equal(after.current.title, "bob");
  assert.deepEqual(after.wanted(), { lobby: lobby.lastId });
});

test("an event that is not known, or of a room that is not open, is passed over", () => {
  const { chat, lobby } = setUp();
  chat.hear({ event: "toString" });
  chat.hear({ event: "waved", room: "lobby" });
  chat.hear(said("hi", { room: "dev" }));
  chat.hear({ event: "topic", room: "dev", topic: "x", by: "y", time: 1, id: "t-1" });
  assert.deepEqual(texts(lobby), []);
});
