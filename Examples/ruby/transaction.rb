# A web request that writes an order and its job in one transaction: both are there, or neither.
#
#     apt-get install ruby-pg
#     ruby transaction.rb postgresql://app@127.0.0.1/app ada
#
# The server runs with --store on the same database. With a port instead of a name it serves POST /orders (needs ruby-webrick):
#
#     ruby transaction.rb postgresql://app@127.0.0.1/app 8080
require "json"
require "pg"

# The order's number and the id of the job that confirms it.
def place_order(connection, customer)
  connection.transaction do # commits at its end, rolls back when it is left by an error
    order = connection.exec_params("INSERT INTO orders (customer) VALUES ($1) RETURNING id", [customer])[0]["id"]
    job = connection.exec_params(
      "SELECT gkick.enqueue(name => 'order.confirm', payload => $1::jsonb, unique_key => $2::text)",
      [JSON.generate(order: order.to_i), "order-#{order}"]
    ).getvalue(0, 0)
    raise ArgumentError, "an order needs a customer" if customer.empty? # neither the order nor the job is there
    [order, job]
  end
end

database, what = ARGV
connection = PG.connect(database)
connection.exec("CREATE TABLE IF NOT EXISTS orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text)")
if what.to_i.zero?
  puts "order %s, job %s" % place_order(connection, what.to_s)
else
  require "webrick"
  server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: what.to_i)
  server.mount_proc("/orders") do |request, response|
    response.body = "order %s, job %s\n" % place_order(PG.connect(database), request.query["customer"].to_s)
    response.status = 201
  rescue ArgumentError => error
    response.status = 400
    response.body = "#{error}\n"
  end
  server.start
end
