// Tells a reader who looks elsewhere: in the title, by a sound, by a notification.

import { settings } from "./settings.js";

const NAME = "chat";

/** Return whether this browser would show notifications of this page. */
export const canNotify = () => window.isSecureContext && "Notification" in window;

/** Show in the title how many lines are unread, and where the reader is. */
export function drawTitle(chat) {
	const where = chat.current ? `${chat.current.title} \u2013 ${NAME}` : NAME;
	const title = chat.unread ? `(${chat.unread}) ${where}` : where;
	if (document.title !== title) {
		document.title = title;
	}
}

/** Tell that `line` in `place` is for the reader, as far as the reader wants that. */
export function alert(place, line, show) {
	if (settings.sound) {
		beep();
	}
	if (settings.notify && canNotify() && Notification.permission === "granted") {
		try {
			const title = place.isPrivate ? line.name : `${line.name} in ${place.title}`;
			const notification = new Notification(title, { body: line.text.slice(0, 200), tag: place.key });
			notification.onclick = () => {
				window.focus();
				show();
				notification.close();
			};
		} catch {
			// Chrome on Android has notifications only for pages with a service worker.
		}
	}
}

let audio = null;

/** Make a short sound. */
export function beep() {
	audio ??= new AudioContext();
	audio.resume();
	const tone = audio.createOscillator();
	const volume = audio.createGain();
	const now = audio.currentTime;
	tone.frequency.setValueAtTime(660, now);
	tone.frequency.setValueAtTime(880, now + 0.09);
	volume.gain.setValueAtTime(0.12, now);
	volume.gain.exponentialRampToValueAtTime(0.001, now + 0.3);
	tone.connect(volume).connect(audio.destination);
	tone.start(now);
	tone.stop(now + 0.3);
}
