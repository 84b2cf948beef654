# Tells the markup service, which reads a file, what a container is told by its environment.

require "json"

broker = {
  host: "rabbitmq", port: 5672, vhost: "myvhost", user: "coursys", password: ENV.fetch("RABBITMQ_DEFAULT_PASS")
}
File.write("/app/fixture.json", JSON.generate(broker: broker), perm: 0o600)
load "/app/markup.rb"
