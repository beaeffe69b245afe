// The connection: what it sends, when it acknowledges, how it goes on after a loss.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PHASE, Wire } from "./page/wire.js";

/** A Wire, its sockets, its clock, and all that it told. */
function setUp() {
  const world = { sockets: [], timers: new Map(), time: 0, told: [] };
  const connect = () => {
    const socket = { sent: [], send: (text) => socket.sent.push(JSON.parse(text)), close: (code) => (socket.closed = code) };
    world.sockets.push(socket);
    return socket;
  };
  const tell = (name) => (...values) => world.told.push([name, ...values]);
  world.wire = new Wire(
    {
      connect,
      now: () => world.time,
      later(run, pause) {
        const timer = {};
        world.timers.set(timer, { at: world.time + pause, run });
        return timer;
      },
      never: (timer) => world.timers.delete(timer),
      chance: () => 1,
    },
    {
      hello: () => ({ rooms: { lobby: null } }),
      event: tell("event"),
      phase: tell("phase"),
      resumed: tell("resumed"),
      unsure: tell("unsure"),
      tooLong: tell("tooLong"),
    },
  );
  world.socket = () => world.sockets.at(-1);
  world.open = () => world.socket().onopen({});
  world.hear = (frame) => world.socket().onmessage({ data: JSON.stringify(frame) });
  world.close = (code) => world.socket().onclose({ code, reason: "" });
  world.events = () => world.told.filter(([name]) => name === "event").map(([, event]) => event);
  world.pass = (seconds) => {
    const until = world.time + seconds * 1000;
    for (;;) {
      const due = [...world.timers].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) {
        break;
      }
      world.timers.delete(due[0]);
      world.time = due[1].at;
      due[1].run();
    }
    world.time = until;
  };
  world.wire.start();
  world.open();
  return world;
}

function greeted() {
  const world = setUp();
  world.hear({ event: "greeting", resume: "token" });
  return world;
}

const said = (text, more = {}) => ({ event: "said", text, ...more });

test("it says hello, and acknowledges the greeting at once", () => {
  const { socket } = greeted();
  assert.deepEqual(socket().sent, [{ hello: 1, rooms: { lobby: null } }, { ack: 0 }]);
});

test("it acknowledges after 256 frames, or when one comes after 5 seconds, and never for nothing", () => {
  const { socket, hear, pass } = greeted();
  const acks = () => socket().sent.filter((frame) => "ack" in frame).map((frame) => frame.ack);
  for (let index = 0; index < 255; index += 1) {
    hear(said("x"));
  }
  assert.deepEqual(acks(), [0]);
  hear(said("x"));
  assert.deepEqual(acks(), [0, 256]);
  pass(60);
  assert.deepEqual(acks(), [0, 256]);
  hear(said("x"));
  assert.deepEqual(acks(), [0, 256, 257]);
});

test("requests are numbered, and an answer is told with its request until its last event", () => {
  const { wire, socket, hear, told } = greeted();
  const who = wire.request({ command: "who" });
  const say = wire.request({ line: "hi" });
  assert.deepEqual(socket().sent.slice(2), [{ ref: 1, command: "who" }, { ref: 2, line: "hi" }]);
  hear({ event: "notice", ref: 1 });
  hear({ event: "done", ref: 1 });
  // This one answers nothing that is asked here.
  hear({ event: "notice", ref: 1 });
  hear(said("hi", { ref: 2 }));
  assert.deepEqual(told.filter(([name]) => name === "event").map(([, , request]) => request), [undefined, who, who, say]);
  assert.equal(wire.pending.size, 0);
});

test("an answer that a form waits for is told to the form alone", () => {
  const { wire, hear, events } = greeted();
  const found = [];
  wire.request({ command: "who" }, { each: (event) => found.push(event.text), end: (event) => found.push(event.event) });
  hear({ event: "notice", text: "ann", ref: 1 });
  hear({ event: "done", ref: 1 });
  assert.deepEqual(found, ["ann", "done"]);
  assert.equal(events().length, 1);
});

test("after a loss it goes on behind the last frame, and sends again what was not heard", () => {
  const { wire, socket, open, hear, close, pass } = greeted();
  hear(said("one"));
  wire.request({ line: "heard" });
  wire.request({ line: "lost" });
  close(1006);
  wire.request({ line: "written meanwhile" });
  pass(1);
  open();
  assert.deepEqual(socket().sent, [{ hello: 1, rooms: { lobby: null }, resume: "token", seen: 1 }]);
  hear({ event: "resumed", from: 1, ref: 1 });
  assert.deepEqual(socket().sent.slice(1), [
    { ack: 1 },
    { ref: 2, line: "lost" },
    { ref: 3, line: "written meanwhile" },
  ]);
  hear(said("heard", { ref: 1 }));
  assert.deepEqual([...wire.pending.keys()], [2, 3]);
  assert.equal(wire.seen, 2);
});

test("where the session is over, nothing is sent again, and the person is asked", () => {
  const { wire, socket, open, hear, close, pass, told } = greeted();
  wire.request({ line: "perhaps heard" });
  close(1006);
  pass(1);
  open();
  hear({ event: "greeting", resume: "another" });
  assert.deepEqual(socket().sent.slice(1), [{ ack: 0 }]);
  const [, unsure] = told.filter(([name]) => name === "unsure").at(-1);
  assert.deepEqual(unsure.map(({ frame }) => frame.line), ["perhaps heard"]);
  wire.request({ line: "new" });
  assert.deepEqual(socket().sent.at(-1), { ref: 1, line: "new" });
});

test("who asked with a form learns that the session is over", () => {
  const { wire, open, hear, close, pass } = greeted();
  const ends = [];
  wire.request({ command: "nick" }, { end: (event) => ends.push(event) });
  close(1006);
  pass(1);
  open();
  hear({ event: "greeting", resume: "another" });
  assert.deepEqual(ends, [null]);
});

test("there are no requests before a greeting", () => {
  const { wire } = setUp();
  assert.equal(wire.request({ line: "x" }), null);
});

test("the pauses between its tries grow up to half a minute, and a steady connection ends that", () => {
  const { wire, close, open, hear, pass, sockets, time } = setUp();
  assert.equal(time, 0);
  const pauses = [];
  for (let index = 0; index < 8; index += 1) {
    close(1006);
    const before = sockets.length;
    let waited = 0;
    while (sockets.length === before) {
      pass(1);
      waited += 1;
    }
    pauses.push(waited);
  }
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
  open();
  hear({ event: "greeting", resume: "token" });
  pass(21);
  close(1006);
  pass(1);
  assert.equal(wire.phase, PHASE.CONNECTING);
});

test("a try can be hurried, and happens once", () => {
  const { wire, close, pass, sockets } = setUp();
  close(1006);
  close(1006);
  wire.hurry();
  assert.equal(sockets.length, 2);
  pass(20);
  assert.equal(sockets.length, 2);
});

test("a connection without a word for 30 seconds is dead where an answer is due, and only there", () => {
  const { wire, socket, hear, pass } = greeted();
  pass(600);
  assert.equal(wire.phase, PHASE.OPEN);
  const first = socket();
  wire.request({ command: "who" });
  pass(29);
  hear(said("x"));
  pass(29);
  assert.equal(wire.phase, PHASE.OPEN);
  pass(1);
  assert.equal(wire.phase, PHASE.WAITING);
  // 1000, and no code, would end the session.
  assert.equal(first.closed, 4000);
});

test("a check finds a dead connection in 5 seconds", () => {
  for (const isAsking of [false, true]) {
    const { wire, pass } = greeted();
    if (isAsking) {
      wire.request({ line: "hi" });
    }
    wire.check({ history: "lobby" });
    pass(5);
    assert.equal(wire.phase, PHASE.WAITING);
  }
});

test("what an older connection still brings is not heard", () => {
  const { wire, sockets, hear, pass, close, events } = greeted();
  close(1006);
  pass(1);
  sockets[0].onmessage({ data: JSON.stringify(said("late")) });
  sockets[0].onclose({ code: 1006 });
  assert.equal(events().length, 1);
  assert.equal(wire.phase, PHASE.CONNECTING);
  assert.equal(hear.length, 1);
});

for (const [code, why] of [[4001, "replaced"], [4004, "put out"], [1000, "left"]]) {
  test(`it forgets its session and stays away after ${code}`, () => {
    const { wire, close, pass, sockets, told } = greeted();
    close(code);
    pass(600);
    assert.equal(sockets.length, 1);
    assert.equal(wire.hasSession, false);
    assert.deepEqual(told.at(-1), ["phase", PHASE.OVER, { why, reason: "" }]);
  });
}

test("whoever is not let in reads why, and it stays away unless that passes by itself", () => {
  const banned = setUp();
  const refusal = { event: "refused", text: "you are banned", kind: "banned" };
  banned.hear(refusal);
  banned.close(4003);
  assert.deepEqual(banned.told.at(-1), ["phase", PHASE.OVER, { why: "refused", refusal }]);
  const full = setUp();
  full.hear({ event: "refused", text: "the chat is full", kind: "too many" });
  full.close(4003);
  assert.equal(full.wire.phase, PHASE.WAITING);
});

test("after a bad frame it begins anew", () => {
  const { wire, close, pass, open, socket } = greeted();
  close(4002);
  assert.equal(wire.phase, PHASE.WAITING);
  pass(1);
  open();
  assert.equal("resume" in socket().sent[0], false);
});

test("what is too long for the server is given up, and the rest goes on", () => {
  const { wire, close, told } = greeted();
  wire.request({ line: "short" });
  const long = wire.request({ line: "long".repeat(1000) });
  close(1009);
  assert.deepEqual(told.find(([name]) => name === "tooLong"), ["tooLong", long]);
  assert.deepEqual([...wire.pending.keys()], [1]);
});

test("a reload goes on with the session, and keeps no passphrase", () => {
  const before = greeted();
  before.hear(said("x"));
  before.wire.request({ line: "written" }, { about: { place: ["lobby", false] } });
  before.wire.request({ command: "login", argument: "ann sesame" }, { about: {}, secret: true });
  before.wire.request({ command: "who" }, { each: () => {} });
  const kept = JSON.stringify(before.wire.keep());
  assert.equal(kept.includes("sesame"), false);
  const after = setUp();
  after.wire.restore(JSON.parse(kept));
  after.wire.start();
  after.open();
  assert.deepEqual(after.socket().sent[0], { hello: 1, rooms: { lobby: null }, resume: "token", seen: 1 });
  after.hear({ event: "resumed", from: 1, ref: 0 });
  assert.deepEqual(after.socket().sent.slice(1), [{ ack: 1 }, { ref: 1, line: "written" }]);
  // The numbers of the other requests are not given again.
  assert.equal(after.wire.request({ line: "next" }).ref, 4);
});

test("whatever is lost on the way, each frame is heard once and each line said once", () => {
  let seed = 1;
  const random = (below) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  for (let run = 0; run < 300; run += 1) {
    const world = setUp();
    // The server's side of the rules, and two wires on which frames may be lost from some point on.
    const server = { frames: [], ref: 0, said: [] };
    const note = (frame) => server.frames.push(frame);
    const listen = (frames) => {
      for (const frame of frames) {
        if (frame.ref > server.ref) {
          server.ref = frame.ref;
          server.said.push(frame.line);
          note(said(frame.line, { ref: frame.ref, number: server.frames.length }));
        }
      }
    };
    world.hear({ event: "greeting", resume: "token" });
    let delivered = 0;
    let heardOf = world.socket().sent.length;
    let sent = 0;
    for (let step = 0; step < 40; step += 1) {
      const action = random(5);
      if (action === 0) {
        note({ event: "entered", number: server.frames.length });
      } else if (action === 1) {
        world.wire.request({ line: `line ${sent}` });
        sent += 1;
      } else if (action === 2) {
        const { sent: frames } = world.socket();
        const until = heardOf + random(frames.length - heardOf + 1);
        listen(frames.slice(heardOf, until));
        heardOf = until;
      } else if (action === 3 && delivered < server.frames.length) {
        world.hear(server.frames[delivered]);
        delivered += 1;
      } else if (action === 4) {
        world.close(1006);
        world.pass(31);
        world.open();
        const { seen } = world.socket().sent[0];
        world.hear({ event: "resumed", from: seen, ref: server.ref });
        delivered = seen;
        heardOf = 1;
      }
    }
    listen(world.socket().sent.slice(heardOf));
    server.frames.slice(delivered).forEach(world.hear);
    const numbers = world.events().slice(1).map((event) => event.number);
    assert.deepEqual(numbers, server.frames.map((frame) => frame.number));
    assert.deepEqual(server.said, Array.from({ length: sent }, (_, index) => `line ${index}`));
    assert.equal(world.wire.pending.size, 0);
  }
});
