// `@slack/socket-mode`, unmodified: says each envelope on stdout and acknowledges it.
//
//     node socket_mode_client.js API_URL TOKEN

const { LogLevel, SocketModeClient } = require("@slack/socket-mode");

const [apiUrl, appToken] = process.argv.slice(2);
const client = new SocketModeClient({ appToken, logLevel: LogLevel.ERROR, clientOptions: { slackApiUrl: apiUrl } });
const tell = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

client.on("slack_event", async ({ ack, type, body, retry_num, retry_reason, accepts_response_payload }) => {
  await ack(accepts_response_payload ? { text: "on it" } : undefined);
  tell({ kind: type, payload: body, attempt: retry_num, reason: retry_reason });
});
client.on("connected", () => tell({ ready: true }));

process.stdin.resume().on("end", async () => {
  await client.disconnect();
  process.exit(0);
});

client.start();
