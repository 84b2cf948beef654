# The service that makes HTML of Markdown: takes {"md": …} from a queue and sends {"html": …} back to whoever asked.
#
#     ruby markup.rb                # reads fixture.json beside this file
#
# Serves from a process of its own, which ends when the broker does; another one takes its place a second later.

require "bunny"
require "commonmarker"
require "json"

# The queue that the site sends its Markdown to.
QUEUE = "markdown2html_queue"

broker = JSON.parse(File.read(File.join(__dir__, "fixture.json"), encoding: "UTF-8")).fetch("broker")
# As bytes: the library joins them with bytes of its own, which fails for text that is not ASCII.
vhost, user, password = %w[vhost user password].map { |key| broker.fetch(key).b }
# In brackets, so that the colons of an IPv6 address are no port's.
host = broker.fetch("host").then { |name| name.include?(":") ? "[#{name}]" : name }
options = {
  host: host, port: broker.fetch("port"), vhost: vhost, user: user, password: password,
  automatically_recover: false
}
if broker["ca_file"]
  options.merge!(tls: true, tls_ca_certificates: [broker["ca_file"]], verify_peer: true)
end

# The library keeps the brackets, and then looks for a host of that name.
class Session < Bunny::Session
  def host_from_address(address) = super.delete("[]")
end

# The process that starts those that serve. A signal that ends it ends its child, too.
while (server = fork)
  %w[INT TERM].each { |signal| trap(signal) { Process.kill("KILL", server); exit! } }
  Process.wait(server)
  sleep 1
end
%w[INT TERM].each { |signal| trap(signal, "DEFAULT") }

connection = Session.new(options)
connection.start
channel = connection.create_channel
channel.prefetch(1)
queue = channel.queue(QUEUE)
puts "consuming #{QUEUE}"
$stdout.flush

queue.subscribe(manual_ack: true) do |delivery, properties, body|
  html = begin
    CommonMarker.render_html(JSON.parse(body).fetch("md"), :DEFAULT)
  rescue StandardError => error
    warn "#{error.class}: #{error.message}"
    nil
  end
  if html && properties.reply_to
    channel.default_exchange.publish(
      JSON.generate("html" => html),
      routing_key: properties.reply_to, correlation_id: properties.correlation_id, content_type: "application/json"
    )
  end
  channel.ack(delivery.delivery_tag)
end

sleep 1 while connection.open?
exit 1
