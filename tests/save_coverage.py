"""Imported by daemons under test: twistd ends itself by a signal, past coverage's own ending."""

from coverage import Coverage
from twisted.internet import reactor

if measuring := Coverage.current():
    reactor.addSystemEventTrigger("after", "shutdown", measuring.save)
