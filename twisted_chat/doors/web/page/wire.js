// The connection to the chat: one session over as many WebSockets as it takes.
//
// A session begins with a greeting. Both sides count its frames and its requests, so that a new
// connection goes on where the old one broke: see "Resuming" in docs/web.md.

export const SUBPROTOCOL = "chat.json";

const FRAMES = 256; // An acknowledgement is due after so many frames,
const SECONDS = 5; // or when a frame comes so long after the last one.
const SILENCE = 30; // Seconds without a frame while an answer is due: the connection is dead.
const STEADY = 20; // A connection that lasted so many seconds was a good one.
const LONGEST_PAUSE = 30; // Seconds between two tries to connect, at most.

const CLOSED = {
	LEFT: 1000,
	TOO_LONG: 1009,
	REPLACED: 4001,
	BAD_FRAME: 4002,
	REFUSED: 4003,
	PUT_OUT: 4004,
};
const ABANDONED = 4000; // Closed by the page, which comes again: any code but 1000 means that.
const ENDS_SESSION = [CLOSED.LEFT, CLOSED.REPLACED, CLOSED.BAD_FRAME, CLOSED.REFUSED, CLOSED.PUT_OUT];
const FOR_GOOD = { [CLOSED.LEFT]: "left", [CLOSED.REPLACED]: "replaced", [CLOSED.PUT_OUT]: "put out" };
const PASSES = ["too many", "stopping", "unavailable", "too fast"]; // Refusals that pass by themselves.

/** The states of a Wire: on its way, in the chat, waiting for the next try, or ended for good. */
export const PHASE = { CONNECTING: "connecting", OPEN: "open", WAITING: "waiting", OVER: "over" };

/** One connection to the chat after the other, and the session that they share. */
export class Wire {
	/**
	 * `world`: `connect()` returns a new WebSocket, `now()` the time in milliseconds, `chance()` a
	 * number from 0 to 1; `later(run, milliseconds)` and `never(timer)` are as setTimeout and
	 * clearTimeout. `on`: `hello()` returns the first frame of a new session; `event(event, request)`
	 * hears what comes; `phase(phase, detail)` is called when the state changes, `resumed()` when the
	 * session goes on, `unsure(requests)` when it is over, with those that may not have been heard,
	 * and `tooLong(request)` when one is too long for the server.
	 */
	constructor(world, on) {
		this.world = world;
		this.on = on;
		this.phase = PHASE.OVER;
		this.socket = null;
		this.tries = 0; // Since the last steady connection.
		this.retryAt = 0;
		this.refusal = null; // The refusal that came before the greeting.
		this.forget();
	}

	/** Forget the session. */
	forget() {
		this.token = null;
		this.seen = 0; // Frames of the session that were read.
		this.ref = 0; // The number of its last request.
		this.pending = new Map(); // Requests without an end of their answer, by number.
	}

	/**
	 * What has to be kept to go on with the session after a reload of the page. Of its requests
	 * those are kept that have an `about`.
	 */
	keep() {
		const requests = [...this.pending.values()].filter((each) => each.about && !each.secret);
		const pending = requests.map(({ ref, frame, about }) => ({ ref, frame, about }));
		return { token: this.token, seen: this.seen, ref: this.ref, pending };
	}

	/** Go on with the session that was kept. Call this before `start`. */
	restore({ token, seen, ref, pending }) {
		Object.assign(this, { token, seen, ref });
		this.pending = new Map(pending.map((each) => [each.ref, each]));
	}

	/** Whether there is a session: requests are heard, now or after the next connection. */
	get hasSession() {
		return this.token !== null;
	}

	/** Connect now, whatever the state is. */
	start() {
		this.drop();
		this.world.never(this.retrying);
		this.setPhase(PHASE.CONNECTING);
		this.refusal = null;
		this.isInSession = false;
		this.triedAt = this.world.now();
		const socket = this.world.connect();
		this.socket = socket;
		// What an older connection still tells is nobody's.
		const mine = (run) => (event) => socket === this.socket && run(event);
		socket.onopen = mine(() => this.sayHello());
		socket.onmessage = mine(({ data }) => this.hear(JSON.parse(data)));
		socket.onclose = mine(({ code, reason }) => this.lost(code, reason));
	}

	/** Connect now if it waits for its next try. */
	hurry() {
		if (this.phase === PHASE.WAITING) {
			this.start();
		}
	}

	/** Find out whether the connection is alive, by a `frame` that asks for something small. */
	check(frame) {
		if (this.phase === PHASE.OPEN) {
			if (!this.pending.size) {
				this.request(frame, { each: () => {} });
			}
			this.awaitFrame(5);
		}
	}

	/**
	 * Ask for something. Returns the request, or null if there is no session.
	 *
	 * `about` is for the caller, and is kept over a reload. `each(event)` gets each event that
	 * answers, which `on.event` then does not get; `end(event)` gets the last one, or null if the
	 * session ended before. A `secret` request is not kept anywhere.
	 */
	request(frame, { about = null, each = null, end = null, secret = false } = {}) {
		if (!this.hasSession) {
			return null;
		}
		this.ref += 1;
		const request = { ref: this.ref, frame, about, each, end, secret };
		this.pending.set(request.ref, request);
		if (this.phase === PHASE.OPEN) {
			this.transmit(request);
		}
		return request;
	}

	transmit(request) {
		this.send({ ref: request.ref, ...request.frame });
		if (!this.waiting) {
			this.awaitFrame();
		}
	}

	send(frame) {
		this.socket.send(JSON.stringify(frame));
	}

	sayHello() {
		const hello = { hello: 1, ...this.on.hello() };
		if (this.hasSession) {
			Object.assign(hello, { resume: this.token, seen: this.seen });
		}
		this.send(hello);
		this.awaitFrame();
	}

	// What comes.

	hear(event) {
		this.awaitNothing();
		if (event.event === "resumed") {
			this.resume(event);
			return;
		}
		if (event.event === "greeting" && event.resume) {
			this.begin(event);
			return;
		}
		if (!this.isInSession) {
			this.refusal = event.event === "refused" ? event : this.refusal;
			return;
		}
		this.seen += 1;
		const due = this.seen - this.acknowledged >= FRAMES;
		if (due || this.world.now() - this.acknowledgedAt >= SECONDS * 1000) {
			this.acknowledge();
		}
		this.tell(event);
		if (this.pending.size && this.phase === PHASE.OPEN) {
			this.awaitFrame();
		}
	}

	begin(greeting) {
		this.endSession();
		this.token = greeting.resume;
		this.goOn();
		this.on.event(greeting);
	}

	resume({ from, ref }) {
		this.seen = from;
		this.goOn();
		this.on.resumed();
		for (const request of this.pending.values()) {
			if (request.ref > ref) {
				this.transmit(request);
			}
		}
		if (this.pending.size) {
			this.awaitFrame();
		}
	}

	goOn() {
		this.isInSession = true;
		this.openedAt = this.world.now();
		this.acknowledge();
		this.setPhase(PHASE.OPEN);
	}

	acknowledge() {
		this.acknowledged = this.seen;
		this.acknowledgedAt = this.world.now();
		this.send({ ack: this.seen });
	}

	tell(event) {
		const request = this.pending.get(event.ref);
		const isLast = ["done", "said", "refused"].includes(event.event);
		if (request && isLast) {
			this.pending.delete(event.ref);
		}
		if (request?.each && event.event !== "done") {
			request.each(event);
		}
		// Nobody waits any more for other answers to what was asked before a reload.
		const isMissed = event.ref !== undefined && !request && event.event !== "said";
		if (!request?.each && !isMissed) {
			this.on.event(event, request);
		}
		if (request && isLast) {
			request.end?.(event);
		}
	}

	// How it ends, and begins again.

	/** Take the connection as dead if nothing comes for a while. */
	awaitFrame(seconds = SILENCE) {
		this.awaitNothing();
		this.waiting = this.world.later(() => this.lost(0, ""), seconds * 1000);
	}

	awaitNothing() {
		this.world.never(this.waiting);
		this.waiting = null;
	}

	/** Let go of the connection, if there is one, and hear nothing more of it. */
	drop() {
		this.awaitNothing();
		const socket = this.socket;
		this.socket = null;
		socket?.close(ABANDONED);
	}

	lost(code, reason) {
		const wasSteady = this.isInSession && this.world.now() - this.openedAt > STEADY * 1000;
		this.drop();
		if (code === CLOSED.TOO_LONG) {
			this.failLongest();
		}
		if (ENDS_SESSION.includes(code)) {
			this.endSession();
		}
		if (code in FOR_GOOD) {
			this.setPhase(PHASE.OVER, { why: FOR_GOOD[code], reason });
		} else if (code === CLOSED.REFUSED && !PASSES.includes(this.refusal?.kind)) {
			this.setPhase(PHASE.OVER, { why: "refused", refusal: this.refusal });
		} else {
			this.tries = wasSteady ? 1 : this.tries + 1;
			this.wait();
		}
	}

	endSession() {
		const unsure = [...this.pending.values()];
		this.forget();
		for (const request of unsure) {
			request.end?.(null);
		}
		this.on.unsure(unsure);
	}

	/** Wait for the next try: each time longer, and never as long as everybody else. */
	wait() {
		const longest = Math.min(LONGEST_PAUSE, 2 ** (this.tries - 1));
		const pause = longest * 1000 * (0.6 + 0.4 * this.world.chance());
		this.retryAt = this.world.now() + pause;
		this.retrying = this.world.later(() => this.start(), pause);
		this.setPhase(PHASE.WAITING, { refusal: this.refusal });
	}

	/** Give up the longest request: one was too long for the server, which tells nothing more. */
	failLongest() {
		const length = ({ frame }) => JSON.stringify(frame).length;
		const [longest] = [...this.pending.values()].sort((a, b) => length(b) - length(a));
		if (longest) {
			this.pending.delete(longest.ref);
			longest.end?.(null);
			this.on.tooLong(longest);
		}
	}

	setPhase(phase, detail = {}) {
		this.phase = phase;
		this.on.phase(phase, detail);
	}
}
