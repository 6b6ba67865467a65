"""Passages about people, their addresses, their work and what they lost."""

from __future__ import annotations

from training.text import values as v
from training.text import words as w
from training.text.arrays import several
from training.text.domains.domain import (
    CITY,
    COLOUR,
    CURRENCY,
    DATE,
    EMAIL,
    PERSON,
    PHONE,
    QUANTITY,
    Domain,
)

PEOPLE = Domain(
    "person",
    {
        "name": PERSON,
        "age": "age age_years years_old age | years",
        "city": CITY,
        "job": "job occupation profession job_title | trade",
        "hobby": "languages skills knows | abilities",
        "member": "member is_member active | subscribed",
        "born": "born birth_date date_of_birth birthday | dob",
        "birthplace": "birthplace born_in place_of_birth | hometown",
    },
    {
        "name": v.person,
        "age": v.count(18, 99),
        "city": v.city,
        "job": v.from_list(w.JOBS),
        "hobby": several(v.from_list(w.SKILLS), 1, 3),
        "born": v.date,
        "birthplace": v.city,
        "member": v.flag(
            ("is a member", "has joined the club", "is still a member"),
            ("is not a member", "has left the club", "never joined the club"),
        ),
    },
    [
        "{name}, aged {age}, <lives|resides> in {city} and works as a {job}.",
        "{name} from {city} is {age} years old.",
        "In {city} we met {name}, who is {age} and <works as|earns a living as> a {job}.",
        "{name}<, a|, the> {job}, was born in {birthplace} on {born}.",
        "Born on {born} in {birthplace}, {name} now lives in {city}.",
        "{name} knows {hobby}. At {age}, the {job} {member}.",
        "Our new {job} is {name}, {age}, who {member}. Skills: {hobby}.",
        "The {job} {name} ({age}) moved from {birthplace} to {city}.",
        "Name: {name}. Age: {age}. City: {city}. Occupation: {job}.",
        "Please welcome {name}! <She|He> is {age}, speaks {hobby} and {member}.",
        "{name}, a {job} of {age} years, has settled in {city} after a childhood in {birthplace}.",
    ],
)

CONTACTS = Domain(
    "contact",
    {
        "name": PERSON,
        "email": EMAIL,
        "phone": PHONE,
        "company": "company organization employer firm | business",
        "street": "street address street_address | address_line",
        "city": CITY,
        "postcode": "postcode zip postal_code zip_code | post_code",
        "role": "role position title | function",
    },
    {
        "name": v.person,
        "email": v.email,
        "phone": v.phone,
        "company": v.company,
        "street": v.street,
        "city": v.city,
        "postcode": v.code("89999", "A89 9AA", "8999 AA"),
        "role": v.from_list(w.JOBS),
    },
    [
        "Contact {name} at {email} or {phone}.",
        "{name} ({email}) <works for|is with> {company}.",
        "{name}, {role} at {company}, lives at {street}, {postcode} {city}.",
        "Send the parcel to {name}, {street}, {city} {postcode}. Phone: {phone}.",
        "You can reach {name} by mail at {email}<, or by phone on| or on> {phone}.",
        "Address: {street}, {postcode} {city}. Ask for {name} of {company}.",
        "From: {name} <{email}>. I am the {role} of {company}, call me on {phone}.",
        "{company} has moved to {street} in {city}. Write to {email}.",
        "Our {role} {name} answers the phone at {phone}. Mail goes to {email}.",
        "Signed, {name}, {role}, {company}, {city}, {phone}",
        "The {role} of {company} is called {name}; the number is {phone}, the mail {email}.",
    ],
    {
        "address location home postal_address | residence": ("street", "city", "postcode"),
        "contact contact_info reach | channels": ("email", "phone"),
    },
)

VACANCIES = Domain(
    "job",
    {
        "job": "job title position job_title role | post",
        "company": "company employer organization firm | business",
        "city": CITY,
        "salary": "salary pay yearly_salary | wage",
        "currency": CURRENCY,
        "skills": "skills requirements required_skills | abilities",
        "years": "experience_years years experience | seniority",
        "remote": "remote remote_allowed home_office | telework",
        "contract": "contract employment_type type | hours",
        "email": EMAIL,
    },
    {
        "job": v.from_list(w.JOBS),
        "company": v.company,
        "city": v.city,
        "salary": v.money(20000, 120000),
        "skills": several(v.from_list(w.SKILLS), 1, 4),
        "years": v.count(1, 15, 0.6),
        "remote": v.flag(
            ("Remote work is possible", "You may work from home"),
            ("No remote work", "Work is on site only"),
        ),
        "contract": v.choice(
            {
                "full-time": ("full-time", "full time"),
                "part-time": ("part-time", "part time"),
                "freelance": ("freelance",),
                "internship": ("internship",),
            }
        ),
        "email": v.email,
    },
    [
        "{company} is looking for a {job} in {city}.",
        "Wanted: {job} with {years} years of experience. Skills: {skills}. Mail {email}.",
        "{company} ({city}) hires a {contract} {job} for {salary} a year.",
        "We need a {job} who knows {skills}. {remote}.",
        "{contract} {job} at {company}, {salary}. {remote}.",
        "Job: {job}. Place: {city}. Pay: {salary}. Contact: {email}.",
        "Are you a {job}? {company} pays {salary}. You bring {skills} and {years} years.",
        "Open position at {company}: {job}, {contract}, {city}. Apply at {email}.",
        "A {job} with {skills} can start at {company}. {remote}.",
        "For our office in {city} we seek a {contract} {job}; at least {years} years, {skills}.",
        "{company} of {city} offers {salary} to a {job} with {skills}. {remote}. Mail {email}.",
    ],
)

PETS = Domain(
    "listing",
    {
        "what": "item product object name | thing",
        "colour": COLOUR,
        "owner": PERSON,
        "city": CITY,
        "date": DATE,
        "kind": "type kind category | class",
        "reward": "reward amount reward_amount | bounty",
        "currency": CURRENCY,
        "count": QUANTITY,
        "email": EMAIL,
        "found": "found is_found recovered | located",
    },
    {
        "what": v.product,
        "colour": v.one_of(w.COLOURS),
        "owner": v.person,
        "city": v.city,
        "date": v.date,
        "reward": v.money(5, 500),
        "count": v.count(1, 12, 0.7),
        "kind": v.choice(
            {
                "lost": ("Lost", "Missing"),
                "stolen": ("Stolen",),
                "for rent": ("For rent", "To let"),
                "gift": ("To give away", "Gift"),
            }
        ),
        "email": v.email,
        "found": v.flag(
            ("has been found", "was recovered"), ("has not been found", "is still missing")
        ),
    },
    [
        "{kind}: {colour} {what} in {city}.",
        "{kind}: {what}, {colour}, {date}. Reward {reward}.",
        "{owner} of {city} reports: the {colour} {what} {found}.",
        "The {what} of {owner} {found}. Write to {email}.",
        "{kind}: {count} {what}, {colour}. Ask {owner} ({email}).",
        "Since {date} my {colour} {what} is gone. I offer {reward}. {owner}, {email}",
        "{owner} offers {reward} for the {what} last seen in {city}.",
        "{kind} in {city} on {date}: a {colour} {what}. Contact {email}.",
        "Notice by {owner}, {date}: {count} {what} ({colour}).",
        "{city}: {kind}, {count} {what}. Mail {email}.",
        "My {what}, {colour}, {found}; I saw it in {city} on {date}. Thanks, {owner}",
    ],
)
