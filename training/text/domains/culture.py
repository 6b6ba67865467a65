"""Passages about books, events and recipes."""

from __future__ import annotations

from training.text import values as v
from training.text import words as w
from training.text.arrays import lines, several
from training.text.domains.domain import CITY, CURRENCY, DATE, PRICE, TIME, Domain

BOOKS = Domain(
    "book",
    {
        "title": "title book name book_title | work",
        "author": "author writer written_by | novelist",
        "year": "year published year_published | appeared",
        "pages": "pages page_count length | leaves",
        "genre": "genre kind category type | sort",
        "publisher": "publisher press published_by | house",
        "price": PRICE,
        "currency": CURRENCY,
        "rating": "rating stars score | grade",
        "translated": "translated is_translation | rendered",
    },
    {
        "title": v.title,
        "author": v.person,
        "year": v.year,
        "pages": v.count(40, 1400, 0.0),
        "genre": v.one_of(w.GENRES),
        "publisher": v.company,
        "price": v.money(4, 60),
        "rating": v.decimal(1, 5),
        "translated": v.flag(
            ("has been translated",), ("has not been translated", "was never translated")
        ),
    },
    [
        "{author} published {title} in {year}.",
        "The {genre} {title} by {author} appeared in {year}.",
        "{title}, a {genre} of {pages} pages, was written by {author}.",
        "{publisher} sells {title} by {author} for {price}.",
        "In {year} {publisher} brought out {title}. It {translated}.",
        "I read {title} ({year}) by {author} and give it {rating} stars.",
        "{author}: {title}. {publisher}, {year}, {pages} pages.",
        "The best {genre} of {year} is {title}, rated {rating}. It {translated}.",
        "Title: {title}. Author: {author}. Genre: {genre}. Price: {price}.",
        "With {pages} pages, {title} is the longest {genre} by {author}.",
        "{title} came out at {publisher} in {year}; {author} wrote this {genre} in one summer.",
    ],
)

EVENTS = Domain(
    "event",
    {
        "event": "event name title event_name | happening",
        "city": CITY,
        "venue": "venue place hall | stage",
        "date": DATE,
        "time": TIME,
        "price": "price ticket_price entry cost | fee",
        "currency": CURRENCY,
        "visitors": "visitors attendance audience guests | crowd",
        "acts": "artists performers speakers acts | lineup",
        "free": "sold_out is_sold_out | full",
        "host": "host organizer presented_by | leader",
        "url": "url website link | web_page",
    },
    {
        "event": v.title,
        "city": v.city,
        "venue": lambda s: v.copied(
            f"{s.made_up().capitalize()} {s.rng.choice(('Hall', 'Park', 'Arena', 'Club'))}"
        ),
        "date": v.date,
        "time": v.clock,
        "price": v.money(3, 150),
        "visitors": v.count(20, 9000, 0.0),
        "acts": several(v.person, 1, 3),
        "free": v.flag(
            ("It is sold out", "There are no tickets left"),
            ("Tickets are still available", "There are seats left"),
        ),
        "host": v.company,
        "url": v.url,
    },
    [
        "{event} takes place in {city} on {date} at {time}.",
        "Come to {event} at {venue}! Tickets cost {price}.",
        "{acts} will perform at {event} on {date}. {free}.",
        "{visitors} people came to {event} in {venue}, {city}.",
        "{host} presents {event} with {acts}. Doors open at {time}.",
        "{event}: {date}, {time}, {venue}, {city}. Entry {price}.",
        "On {date} {host} holds {event} in {city}. {free}.",
        "Tickets for {event} are {price} at {url}.",
        "See {acts} live in {city}. Starts {time}, {price}. Details: {url}",
        "{city} expects {visitors} guests for {event} on {date}.",
        "{free} for {event}, the show of {acts} that {host} brings to {venue} at {time}.",
    ],
    {"place venue where | site": ("venue", "city"), "when schedule | timing": ("date", "time")},
)

RECIPES = Domain(
    "recipe",
    {
        "dish": "dish name recipe title | meal",
        "serves": "serves servings portions | eaters",
        "minutes": "minutes time cooking_time total_minutes | duration",
        "ingredients": "ingredients items needs | components",
        "measured": "ingredients ingredient_list parts | components",
        "oven": "oven_temperature temperature oven | heat",
        "level": "difficulty level | effort",
        "vegetarian": "vegetarian is_vegetarian | meatless",
    },
    {
        "dish": lambda s: v.copied(f"{s.pick(w.FOODS)} {s.rng.choice(w.DISHES)}"),
        "serves": v.count(1, 12, 0.6),
        "minutes": v.count(5, 180, 0.1),
        "ingredients": several(v.from_list(w.FOODS), 2, 5),
        "oven": v.count(120, 250, 0.0),
        "measured": lines(
            {
                "amount": "amount quantity qty | measure",
                "unit": "unit measure | scale",
                "food": "name ingredient food item | component",
            },
            {
                "amount": v.count(1, 900, 0.1),
                "unit": v.one_of(("g", "ml", "cups", "spoons", "kg")),
                "food": v.from_list(w.FOODS),
            },
            ["{amount} {unit} of {food}", "{amount} {unit} {food}", "{food} ({amount} {unit})"],
        ),
        "level": v.choice(
            {
                "easy": ("easy", "simple"),
                "medium": ("medium", "moderate"),
                "hard": ("hard", "difficult"),
            }
        ),
        "vegetarian": v.flag(
            ("It is vegetarian", "It contains no meat"),
            ("It is not vegetarian", "It contains meat"),
        ),
    },
    [
        "{dish} for {serves}: you need {ingredients}.",
        "Recipe: {dish}. Take {measured}. Ready in {minutes} minutes.",
        "For the {dish} mix {measured} and bake at {oven} degrees.",
        "{dish} is {level} and takes {minutes} minutes. {vegetarian}.",
        "This {level} {dish} serves {serves}. Ingredients: {ingredients}.",
        "Cook {ingredients} for {minutes} minutes and enjoy your {dish}.",
        "{dish} (serves {serves}): {measured}.",
        "{vegetarian}. {dish} needs {ingredients} and {minutes} minutes at {oven} degrees.",
        "Buy {measured} for the {dish}. Level: {level}.",
        "To make {dish}, heat the oven to {oven}. Use {ingredients}. It serves {serves}.",
        "My {dish} is {level}: {measured}, {minutes} minutes at {oven} degrees.",
    ],
)
