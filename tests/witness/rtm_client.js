// `@slack/rtm-api`, unmodified: says each event on stdout, sends each line of stdin as a message, ends when that ends.
//
//     node rtm_client.js API_URL TOKEN

const readline = require("node:readline");
const { LogLevel, RTMClient } = require("@slack/rtm-api");

const [apiUrl, token] = process.argv.slice(2);
const client = new RTMClient(token, { slackApiUrl: apiUrl, logLevel: LogLevel.ERROR, replyAckOnReconnectTimeout: 50 });
const tell = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

client.on("slack_event", (type, event) => tell({ event }));
client.on("ready", () => tell({ ready: true }));

readline
  .createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { text, channel } = JSON.parse(line);
    tell({ acknowledged: await client.sendMessage(text, channel) });
  })
  .on("close", () => process.exit(0)); // not by disconnect(), which throws once something has been sent (7.0.4)

client.start();
