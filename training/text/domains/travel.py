"""Passages about flights, hotels and the weather."""

from __future__ import annotations

from training.text import values as v
from training.text.domains.domain import CITY, CURRENCY, DATE, PRICE, Domain

FLIGHTS = Domain(
    "flight",
    {
        "flight": "flight flight_number flight_no number | service",
        "origin": "origin from departure_city | start",
        "destination": "destination to arrival_city | goal",
        "date": DATE,
        "depart": "departure departs departure_time time | leaves_at",
        "arrive": "arrival arrives arrival_time | lands_at",
        "gate": "gate boarding_gate | exit",
        "price": PRICE,
        "currency": CURRENCY,
        "passenger": "passenger name traveller | guest",
        "status": "status state | situation",
        "seat": "seat seat_number | place_number",
    },
    {
        "flight": v.code("AA999", "AA89", "AA 999"),
        "origin": v.city,
        "destination": v.city,
        "date": v.date,
        "depart": v.clock,
        "arrive": v.clock,
        "gate": v.code("A9", "A89", "89"),
        "price": v.money(40, 1500),
        "passenger": v.person,
        "seat": v.code("8A", "89A"),
        "status": v.choice(
            {
                "on time": ("on time", "on schedule"),
                "delayed": ("delayed", "late"),
                "cancelled": ("cancelled",),
                "boarding": ("boarding", "now boarding"),
            }
        ),
    },
    [
        "Flight {flight} leaves {origin} for {destination} on {date}.",
        "On {date} take {flight} from {origin} to {destination} at {depart}.",
        "{passenger} flies from {origin} to {destination} for {price}.",
        "Flight {flight} to {destination} is {status}. Gate {gate}.",
        "{passenger} has seat {seat} on {flight}, departure {depart}, arrival {arrive}.",
        "The plane from {origin} departs at {depart} and reaches {destination} at {arrive}.",
        "Ticket for {passenger}: {origin} - {destination}, {date}, seat {seat}.",
        "{flight} ({origin} to {destination}) is {status}; new departure {depart}.",
        "Passengers to {destination} please go to gate {gate}. Flight {flight} is {status}.",
        "Cheapest fare to {destination} from {origin} on {date}: {price}.",
        "To {destination}: {passenger} leaves {origin} at {depart} on {date} with {flight}.",
    ],
    {
        "route trip leg | journey": ("origin", "destination"),
        "times schedule | timetable": ("depart", "arrive"),
    },
)

HOTELS = Domain(
    "booking",
    {
        "guest": "guest name booked_by | visitor",
        "hotel": "hotel property place | lodging",
        "city": CITY,
        "nights": "nights stay number_of_nights | duration",
        "arrive": "check_in arrival from | start_day",
        "room": "room_type room | category",
        "price": "price rate price_per_night cost | charge",
        "currency": CURRENCY,
        "breakfast": "breakfast breakfast_included | morning_meal",
        "people": "guests people persons adults | party",
    },
    {
        "guest": v.person,
        "hotel": v.title,
        "city": v.city,
        "nights": v.count(1, 21, 0.6),
        "arrive": v.date,
        "room": v.one_of(("single", "double", "suite", "family")),
        "price": v.money(30, 400),
        "people": v.count(1, 9, 0.6),
        "breakfast": v.flag(
            ("with breakfast", "breakfast included"), ("without breakfast", "no breakfast")
        ),
    },
    [
        "{guest} booked a {room} room at {hotel} in {city} for {nights} nights.",
        "Reservation for {guest}: {nights} nights from {arrive}, {breakfast}.",
        "{hotel}, {city}: {room} room, {price} per night, {breakfast}.",
        "We are {people} people and need a {room} room in {city} for {nights} nights.",
        "{guest} arrives on {arrive} with {people} guests<.| and stays> {nights} nights.",
        "Room: {room}. Rate: {price}. Check-in: {arrive}. Guest: {guest}.",
        "The {room} room at {hotel} costs {price} {breakfast}.",
        "Please keep a {room} room for {guest} from {arrive}; party of {people}.",
        "{guest} paid {price} a night at {hotel} ({city}), {breakfast}.",
        "Stay confirmed: {hotel}, {city}, {arrive}, {nights} nights, {people} persons.",
        "A {room} room in {city} from {arrive}, for {guest}, {people} persons, {breakfast}.",
    ],
)

WEATHER = Domain(
    "weather",
    {
        "city": CITY,
        "temperature": "temperature temp degrees temperature_c | celsius",
        "low": "low min night_temperature | minimum",
        "condition": "condition conditions weather sky | outlook",
        "wind": "wind_speed wind wind_kmh | breeze",
        "humidity": "humidity relative_humidity | moisture",
        "date": DATE,
        "warning": "warning alert storm_warning | danger",
    },
    {
        "city": v.city,
        "temperature": v.signed(-25, 42),
        "low": v.signed(-30, 25),
        "wind": v.count(0, 120, 0.0),
        "humidity": v.count(10, 100, 0.0),
        "condition": v.choice(
            {
                "sunny": ("sunny", "bright"),
                "rain": ("rainy", "wet"),
                "snow": ("snowy",),
                "cloudy": ("cloudy", "overcast"),
                "fog": ("foggy", "misty"),
                "storm": ("stormy",),
            }
        ),
        "date": v.date,
        "warning": v.flag(
            ("A storm warning is out", "There is a warning"),
            ("There is no warning", "No alert was given"),
        ),
    },
    [
        "Weather in {city}: {condition}, {temperature} degrees.",
        "It is {temperature} degrees and {condition} in {city} today.",
        "{city}, {date}: {condition}, high {temperature}, low {low}.",
        "Expect {condition} skies in {city} with winds of {wind} km/h. {warning}.",
        "{warning} for {city}. Wind {wind} km/h, {temperature} degrees.",
        "On {date} {city} will be {condition}; humidity {humidity}%.",
        "{condition} and {temperature}°C in {city}, falling to {low} at night.",
        "Report from {city}: temperature {temperature}, humidity {humidity} percent, wind {wind}.",
        "The forecast for {date} says {condition} with up to {temperature} degrees. {warning}.",
        "Tonight {low} degrees, tomorrow {temperature} degrees in {city}. {condition} all day.",
        "A {condition} day in {city}: {temperature} degrees, {wind} km/h, {humidity}% humidity.",
    ],
)
