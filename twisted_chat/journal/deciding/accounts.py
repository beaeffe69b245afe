"""Names that belong to somebody."""

from __future__ import annotations

from itertools import count

from twisted_chat.authorisation import Door
from twisted_chat.events import Loss, NameLost
from twisted_chat.journal.deciding.presence import check_may_log_in, free
from twisted_chat.journal.deciding.talking import say_as_owner, take_name
from twisted_chat.journal.people import Person
from twisted_chat.journal.state import State
from twisted_chat.limits import RESET_LASTS, TOKEN_LABEL, TOKENS
from twisted_chat.names import Name
from twisted_chat.networks import is_default_name
from twisted_chat.records import Registration, Role
from twisted_chat.refusal import Kind, Refusal
from twisted_chat.requests import (
    AddToken,
    DropToken,
    LogIn,
    NoteWrong,
    Post,
    Register,
    Release,
    Reset,
    SetOperator,
    Unregister,
    UnsetOperator,
)


def check_register(state: State, person: Person) -> None:
    """Raise Refusal if `person` may not register its name."""
    if is_default_name(person.name.text):
        raise Refusal("take a name first: /nick NAME, then /register PASSPHRASE keeps it for you")
    if person.role < Role.REGISTERED:  # An owner may change the passphrase.
        state.registrations.check(person.name, person.origin)


def register(state: State, person: Person, request: Register) -> bool:
    """Return whether the name was owned by `person` before, and only the passphrase is new."""
    if request.name.text != person.name.text:
        raise Refusal(f"{request.name.text} is not your name any more: nothing was registered")
    check_register(state, person)
    if owned := state.owned_by(person):
        state.registrations.change(_name_of(state, owned), request.digest)
        return True
    state.registrations.add(person.name, request.digest, person.origin, state.time)
    state.stand(person, Role.REGISTERED)
    return False


def _name_of(state: State, registration: Registration) -> Name:
    return Name(registration.name, registration.name, state.registrations.key_of(registration))


def unregister(state: State, person: Person, request: Unregister) -> None:
    """Let the name of `person` belong to nobody."""
    was_operator = person.role >= Role.OPERATOR
    if owned := state.owned_by(person):
        state.registrations.remove(owned)
    state.stand(person, Role.GUEST)
    if was_operator:
        state.act(person, "unregister", person.name.text)


def log_in(state: State, person: Person, request: LogIn) -> Registration:
    """Return the registration as it was before."""
    text = request.name.text
    owned = state.registrations.get(request.name)
    if owned is None or owned.digest != request.digest:
        raise Refusal(f"{text} has changed hands meanwhile: try again", Kind.WRONG_PASSPHRASE)
    name = request.name
    check_may_log_in(state, owned, name)
    state.registrations.log_in(owned, state.time)
    holder = state.by_key.get(name.key)
    if holder is not None and holder is not person:
        # Its owner came in another way; perhaps this connection is long dead.
        take_away(state, holder, Loss.LOGIN, holder.name.text)
    if person.name.text != owned.name:
        take_name(state, person, as_owned(state, owned, name))
    state.stand(person, owned.role)
    return owned


def as_owned(state: State, owned: Registration, asked: Name) -> Name:
    """Return the registered name, as its owner wrote it."""
    return Name(owned.name, asked.folded, state.registrations.key_of(owned))


def take_away(state: State, holder: Person, cause: Loss, name: str, by: str = "") -> None:
    """Let `holder` have its default name again, and tell it why."""
    state.tell(holder, NameLost(name, cause, by, *state.stamp()))
    take_name(state, holder, free(state, holder.default))


def note_wrong(state: State, request: NoteWrong) -> None:
    """Count a wrong passphrase, unless the registration is another one by now."""
    owned = state.registrations.get(request.name)
    if owned is not None and owned.digest == request.digest:
        state.registrations.note_wrong(owned, request.origin, state.time)


def add_token(state: State, person: Person, request: AddToken) -> str:
    """Let a token post in the name of its owner. Return its label."""
    if len(request.label) > TOKEN_LABEL:
        raise Refusal(
            f"call the token by {TOKEN_LABEL} characters at most, not by {len(request.label)}",
            Kind.TOO_LONG,
        )
    owned = _owned(state, person, request.name)
    tokens = owned.digests_by_label
    label = request.label or next(each for each in map(str, count(1)) if each not in tokens)
    tokens.pop(label, None)
    if len(tokens) >= TOKENS:
        raise Refusal(
            f"{owned.name} has {TOKENS} tokens, as many as may be: /untoken one first",
            Kind.TOO_MANY,
        )
    tokens[label] = request.digest
    _keep_tokens(state, owned, tokens)
    if person.door is Door.CONTROL:
        state.audit(person, "token", owned.name, label)
    return label


def drop_token(state: State, person: Person, request: DropToken) -> None:
    """End a token."""
    owned = _owned(state, person, request.name)
    tokens = owned.digests_by_label
    if tokens.pop(request.label, None) is None:
        raise Refusal(
            f"no token of {owned.name} is called {request.label[:TOKEN_LABEL]}: /tokens lists them"
        )
    _keep_tokens(state, owned, tokens)
    if person.door is Door.CONTROL:
        state.audit(person, "untoken", owned.name, request.label)


def _owned(state: State, person: Person, name: Name) -> Registration:
    """Return the registration of `name`, whose tokens `person` may change. Raises Refusal."""
    owned = state.registrations.get(name)
    # A member may have another name by now than when it asked.
    if owned is None or (person.door is not Door.CONTROL and state.owned_by(person) is not owned):
        raise Refusal(f"{name.text} is not registered, or not yours", Kind.NOT_REGISTERED)
    return owned


def _keep_tokens(state: State, owned: Registration, tokens: dict[str, str]) -> None:
    state.registrations.set_tokens(owned, [part for pair in tokens.items() for part in pair])


def post(state: State, request: Post) -> None:
    """Let all in the room hear what the owner of a name says there, whether it is there or not."""
    owned = state.registrations.get(request.name)
    if owned is None or request.digest not in (owned.digest, *owned.digests_by_label.values()):
        raise Refusal(
            f"that is not the passphrase of {request.name.text}, nor a token", Kind.WRONG_PASSPHRASE
        )
    check_may_log_in(state, owned, request.name)
    say_as_owner(state, owned, state.rooms.get(request.room), request.text)


def set_operator(state: State, person: Person, request: SetOperator) -> None:
    """Let the owner of a name be an operator."""
    _set_operator(state, person, request.name, True)


def unset_operator(state: State, person: Person, request: UnsetOperator) -> None:
    """Let the owner of a name be no operator."""
    _set_operator(state, person, request.name, False)


def _set_operator(state: State, by: Person, name: Name, operator: bool) -> None:
    registration = state.registrations.set_operator(name, operator)
    holder = state.holder(registration)
    if holder is not None and holder.role > Role.GUEST:
        state.stand(holder, registration.role)
    state.act(by, "op" if operator else "deop", registration.name)


def release(state: State, person: Person, request: Release) -> None:
    """Let a name belong to nobody."""
    registration = state.registrations.get(request.name)
    holder = None if registration is None else state.holder(registration)
    released = state.registrations.release(request.name).name
    if holder is not None:
        lost = NameLost(released, Loss.RELEASE, person.name.text, *state.stamp())
        state.tell(holder, lost)
        state.stand(holder, Role.GUEST)
    state.act(person, "release", released)


def reset(state: State, person: Person, request: Reset) -> Registration:
    """Return the registration, with its new passphrase."""
    expires = state.time + RESET_LASTS
    registration = state.registrations.change(request.name, request.digest, expires)
    _keep_tokens(state, registration, {})  # Somebody else may have made them.
    holder = state.holder(registration)
    if holder is not None:
        take_away(state, holder, Loss.RESET, registration.name, person.name.text)
    state.act(person, "reset", registration.name)
    return registration
