// One pusher-js client: what it is told goes to stdout, a JSON document for each line; commands come by stdin.
const readline = require("readline");
const Pusher = require("pusher-js");

const say = (told) => process.stdout.write(JSON.stringify(told) + "\n");
const { key, token, ...options } = JSON.parse(process.argv[2]);
const pusher = new Pusher(key, {
  ...options,
  enabledTransports: ["ws", "wss"],
  auth: { headers: { Authorization: `Bearer ${token}` } },
});

pusher.connection.bind("state_change", ({ current }) =>
  say({ event: `state:${current}`, data: { socket_id: pusher.connection.socket_id || null } }));
pusher.connection.bind("error", (error) => say({ event: "connection:error", data: error.data || error }));

const commands = {
  subscribe: ({ channel }) =>
    pusher.subscribe(channel).bind_global((event, data) =>
      say({ channel, event, data: data && data.members ? { count: data.count, ids: Object.keys(data.members) } : data })),
  unsubscribe: ({ channel }) => pusher.unsubscribe(channel),
  trigger: ({ channel, event, data }) => pusher.channel(channel).trigger(event, data),
  raw: ({ event, data, channel }) => pusher.send_event(event, data, channel),
};
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { command, ...rest } = JSON.parse(line);
  commands[command](rest);
}).on("close", () => process.exit(0));
