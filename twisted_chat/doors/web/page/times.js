// Times as the reader writes them, in the reader's own zone.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });

/** Return the time of the day at `seconds` (Unix time). */
export const clockTime = (seconds) => clock.format(seconds * 1000);

/** Return the day and the time, to the second and with the zone. */
export const exactTime = (seconds) => exact.format(seconds * 1000);

/** Return the day. */
export const dayOf = (seconds) => day.format(seconds * 1000);
