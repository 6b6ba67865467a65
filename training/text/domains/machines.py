"""Passages about log lines, tickets and meetings."""

from __future__ import annotations

from training.text import values as v
from training.text import words as w
from training.text.arrays import several
from training.text.domains.domain import DATE, TIME, Domain

LOGS = Domain(
    "event",
    {
        "time": "time timestamp at | clock",
        "level": "level severity log_level | importance",
        "service": "service source component module | unit",
        "host": "host server machine | node",
        "message": "message event msg | text",
        "code": "code error_code status_code | result",
        "millis": "duration_ms latency_ms elapsed | took",
    },
    {
        "time": v.timestamp,
        "level": v.one_of(("ERROR", "WARN", "INFO", "DEBUG")),
        "service": v.word,
        "host": v.code("web-9", "db-99", "node9", "srv-99"),
        "code": v.count(100, 599, 0.0),
        "millis": v.count(1, 5000, 0.0),
        "message": v.from_list(
            (
                "connection lost",
                "disk full",
                "user logged in",
                "request timed out",
                "cache cleared",
                "service restarted",
                "file not found",
                "access denied",
                "backup finished",
            )
        ),
    },
    [
        "{time} {level} {service}: {message}",
        "[{level}] {time} {host} {service} - {message}",
        "{time} {host} {service} {message} (code {code})",
        "{level} {code} in {service} at {time}: {message}",
        "{time} [{service}] {level} {message} after {millis} ms",
        "At {time} the service {service} on {host} reported: {message}.",
        'level={level} time={time} service={service} msg="{message}"',
        "{host} {time} {level}: {message}, took {millis}ms",
        "{service}@{host} {time} {level} {code} {message}",
        "We saw {message} on {host} at {time}, status {code}, level {level}.",
        "{service} | {level} | {time} | {message} | {code}",
    ],
)

TICKETS = Domain(
    "ticket",
    {
        "id": "ticket_id id ticket issue | case",
        "severity": "severity priority urgency | importance",
        "status": "status state | progress",
        "reporter": "reporter reported_by author name | informant",
        "assignee": "assignee assigned_to owner | handler",
        "product": "component product area | part",
        "count": "affected_users users affected | users_hit",
        "open": "resolved fixed solved | repaired",
    },
    {
        "id": v.code("999", "AA-999", "#9999", "T-99"),
        "reporter": v.person,
        "assignee": v.person,
        "product": v.brand,
        "count": v.count(1, 2000, 0.2),
        "severity": v.choice(
            {
                "low": ("low", "minor"),
                "medium": ("medium", "moderate"),
                "high": ("high", "serious"),
                "critical": ("critical", "extremely severe"),
            }
        ),
        "status": v.choice(
            {
                "open": ("open", "still open"),
                "closed": ("closed",),
                "in progress": ("in progress", "being worked on"),
                "waiting": ("waiting", "on hold"),
            }
        ),
        "open": v.flag(("has been fixed", "is solved"), ("is not fixed", "remains unsolved")),
    },
    [
        "Ticket {id}: {reporter} reports a {severity} problem in {product}.",
        "{reporter} opened {id}; it is {status} and assigned to {assignee}.",
        "The {severity} bug in {product} {open}. It hit {count} users.",
        "Issue {id} ({severity}) is {status}. Owner: {assignee}.",
        "{assignee} works on {id}. The impact is {severity}, {count} users are affected.",
        "Status of {id}: {status}. Severity: {severity}. Reporter: {reporter}.",
        "{product} crashed for {count} people, says {reporter}. This is {severity}.",
        "A {severity} fault of {product}, found by {reporter}, {open}.",
        "Please look at {id}, {assignee}. {reporter} says {product} fails; severity {severity}.",
        "{id} {severity} {status}: {product}, reported by {reporter}",
        "{count} users complain about {product}. {assignee} took {id}; the {severity} bug {open}.",
    ],
)

MEETINGS = Domain(
    "meeting",
    {
        "topic": "topic subject title agenda | theme",
        "host": "organizer host chair organised_by | leader",
        "guests": "attendees participants people guests | invitees",
        "date": DATE,
        "time": TIME,
        "room": "room place location | venue",
        "minutes": "duration minutes duration_minutes | length",
        "online": "online remote virtual | video",
        "weekday": "weekday day day_of_week | day_name",
    },
    {
        "topic": v.from_list(w.TOPICS),
        "host": v.person,
        "guests": several(v.first_name, 2, 4),
        "date": v.date,
        "time": v.clock,
        "room": v.code("A89", "Room 9", "B8.9"),
        "minutes": v.count(10, 120, 0.2),
        "online": v.flag(("by video", "online"), ("in person", "on site")),
        "weekday": v.one_of(w.WEEKDAYS),
    },
    [
        "Meeting about {topic} on {date} at {time} in {room}.",
        "{host} invites {guests} to talk about {topic} at {time}.",
        "The {topic} meeting takes place {online} on {weekday} at {time}.",
        "{guests} will meet {host} on {date}.",
        "Reminder: {topic}, {weekday}, {time}, {room}. Organizer: {host}.",
        "{host} moved the {topic} review to {date}, {time}. It takes {minutes} minutes.",
        "Let us discuss {topic} {online} on {date}. I will bring {guests}. {host}",
        "{minutes} minutes on {topic} with {guests}, {weekday} {time}.",
        "On {weekday} {host} leads a session on {topic} {online}, {minutes} minutes.",
        "Attending: {guests}. Subject: {topic}. When: {date} at {time}. Where: {room}.",
        "{weekday} at {time}: {host} and {guests} sit down for {minutes} minutes of {topic}.",
    ],
    {"when schedule slot | timing": ("date", "time", "minutes", "weekday")},
)
