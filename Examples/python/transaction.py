"""A web request that writes an order and its job in one transaction: both are there, or neither.

    pip install psycopg[binary]
    python3 transaction.py postgresql://app@127.0.0.1/app ada

The server runs with --store on the same database. POST /orders does the same over HTTP:

    python3 transaction.py postgresql://app@127.0.0.1/app --serve 8080
    curl -d customer=ada http://127.0.0.1:8080/orders
"""
import http.server
import sys
import urllib.parse

import psycopg
from psycopg.types.json import Jsonb


def place_order(database, customer):
    """The order's number and the id of the job that confirms it."""
    with psycopg.connect(database) as connection:  # commits at its end, rolls back when it is left by an error
        order = connection.execute("INSERT INTO orders (customer) VALUES (%s) RETURNING id", [customer]).fetchone()[0]
        job = connection.execute(
            "SELECT gkick.enqueue(name => 'order.confirm', payload => %s, unique_key => %s)",
            [Jsonb({"order": order}), f"order-{order}"],
        ).fetchone()[0]
        if not customer:
            raise ValueError("an order needs a customer")  # neither the order nor the job is there
        return order, job


class Orders(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        try:
            order, job = place_order(self.server.database, form.get("customer", [""])[0])
            code, text = 201, f"order {order}, job {job}\n"
        except ValueError as error:
            code, text = 400, f"{error}\n"
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())


def main(database, *arguments):
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text)")
    if arguments[:1] == ("--serve",):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(arguments[1])), Orders)
        server.database = database
        server.serve_forever()
    for customer in arguments:
        print("order %d, job %s" % place_order(database, customer))


if __name__ == "__main__":
    main(*sys.argv[1:])
