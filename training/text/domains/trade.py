"""Passages about orders, products and invoices."""

from __future__ import annotations

from training.text import values as v
from training.text import words as w
from training.text.arrays import lines
from training.text.domains.domain import CITY, COLOUR, CURRENCY, DATE, PRICE, QUANTITY, Domain

ORDERS = Domain(
    "order",
    {
        "id": "order_id id order_number number | reference",
        "customer": "customer buyer name client | purchaser",
        "items": "items lines products line_items | positions",
        "total": "total total_price sum amount | grand_total",
        "currency": CURRENCY,
        "date": DATE,
        "paid": "paid is_paid settled | cleared",
        "city": CITY,
    },
    {
        "id": v.code("A-9999", "99999", "AA9999", "ORD-999"),
        "customer": v.person,
        "items": lines(
            {
                "quantity": QUANTITY,
                "product": "product item name article description | goods",
                "price": PRICE,
                "colour": COLOUR,
            },
            {
                "quantity": v.count(1, 40, 0.4),
                "product": v.product,
                "price": v.money(1, 300),
                "colour": v.from_list(w.COLOURS),
            },
            [
                "{quantity} {product} at {price} each",
                "{quantity} x {product}",
                "{product} ({price})",
                "{quantity} pieces of {product} for {price}",
                "{quantity} {colour} {product}",
                "a {colour} {product} for {price}",
                "{product} x {quantity} @ {price}",
            ],
        ),
        "total": v.money(10, 3000),
        "date": v.date,
        "city": v.city,
        "paid": v.flag(
            ("already paid", "paid in full", "paid"), ("not yet paid", "still unpaid", "unpaid")
        ),
    },
    [
        "{customer} ordered {items}.",
        "Order {id}: {items}. Total {total}.",
        "Please send {items} to {customer} in {city}.",
        "On {date} {customer} bought {items}<.|, {paid}.>",
        "Order no. {id} by {customer}: {items}; {paid}.",
        "Hello, I would like {items}. Regards, {customer}",
        "Order {id} of {date} is {paid}. It contains {items}.",
        "We shipped {items} to {city}. Order number {id}, total {total}.",
        "{customer} wants {items} delivered to {city} by {date}.",
        "Basket of {customer}: {items}. To pay: {total}.",
        "{city}, {date}. For {customer} we have packed {items}. The sum is {total}, {paid}.",
    ],
)

PRODUCTS = Domain(
    "product",
    {
        "product": "product name item article title | goods",
        "price": PRICE,
        "currency": CURRENCY,
        "colour": COLOUR,
        "size": "size size_class | dimension",
        "condition": "condition state quality | wear",
        "brand": "brand maker manufacturer | label",
        "stock": "stock in_stock available | on_shelf",
        "rating": "rating stars score | grade",
        "sku": "sku code product_code article_number | model",
    },
    {
        "product": v.product,
        "price": v.money(1, 900),
        "colour": v.one_of(w.COLOURS),
        "size": v.choice(
            {"S": ("small", "size S"), "M": ("medium", "size M"), "L": ("large", "size L")}
        ),
        "condition": v.choice(
            {
                "new": ("brand new", "new"),
                "used": ("used", "second-hand"),
                "refurbished": ("refurbished", "restored"),
                "damaged": ("damaged", "slightly broken"),
            }
        ),
        "brand": v.brand,
        "rating": v.decimal(1, 5),
        "sku": v.code("AA-999", "A9999", "999-AA"),
        "stock": v.flag(
            ("in stock", "available now"), ("sold out", "out of stock", "not available")
        ),
    },
    [
        "For sale: {condition} {product} by {brand}, {colour}, {price}.",
        "The {product} from {brand} costs {price} and is {stock}.",
        "{brand} {product}, {size}, {colour}. Now only {price}!",
        "Customers give the {product} {rating} stars. Price: {price}.",
        "Article {sku}: {product}, {colour}, {stock}.",
        "I am selling my {colour} {product}. It is {condition}. I want {price} for it.",
        "The {colour} {product} ({sku}) is {stock}<, now at| at> {price}.",
        "{product} ({size}) in {colour}, rated {rating} out of 5.",
        "Looking for a {product}? {brand} has one in {colour} for {price}, code {sku}.",
        "Review: this {product} made by {brand} is {condition} and earned {rating} points.",
        "{price} buys you a {condition} {product} in {colour}; it is {stock}.",
    ],
)

INVOICES = Domain(
    "invoice",
    {
        "id": "invoice_id invoice_number number invoice | document",
        "seller": "seller vendor supplier from | issuer",
        "customer": "customer client bill_to buyer | debtor",
        "amount": "amount total sum due | payable",
        "currency": CURRENCY,
        "issued": "issued date invoice_date | issue_day",
        "due": "due_date due pay_by deadline | payable_until",
        "status": "status state payment_status | standing",
        "tax": "tax_rate vat tax vat_rate | levy",
    },
    {
        "id": v.code("9999", "INV-999", "A99-999", "2089-99"),
        "seller": v.company,
        "customer": v.person,
        "amount": v.money(20, 9000),
        "issued": v.date,
        "due": v.date,
        "tax": v.count(3, 25, 0.0),
        "status": v.choice(
            {
                "paid": ("has been paid", "is settled"),
                "open": ("is open", "is awaiting payment"),
                "overdue": ("is overdue", "is late"),
                "cancelled": ("was cancelled", "is void"),
            }
        ),
    },
    [
        "Invoice {id} from {seller} to {customer} over {amount}, due on {due}.",
        "{seller} bills {customer} {amount}. The invoice {status}.",
        "Invoice {id} <dated|of> {issued} {status}. Amount: {amount}.",
        "Please pay {amount} to {seller} by {due}, reference {id}.",
        "{customer} received invoice {id} on {issued}; it {status}.",
        "Amount due: {amount} plus {tax}% tax. Due date: {due}. Client: {customer}.",
        "The bill of {seller} ({id}) {status}. It was issued on {issued} with {tax} percent VAT.",
        "Dear {customer}, invoice {id} over {amount} {status}. Yours, {seller}",
        "Number {id}, {issued}, {seller}: {amount} including {tax}% VAT.",
        "Reminder: {customer} owes {seller} {amount} since {due}.",
        "{issued}: {seller} asked {customer} for {amount} ({tax}% tax). Paper no. {id} {status}.",
    ],
)
