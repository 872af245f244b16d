// A Bolt app in Socket Mode, unmodified Bolt: says what its listeners get.
//
//     node bolt_app.js API_URL APP_TOKEN BOT_TOKEN

const { App, LogLevel } = require("@slack/bolt");

const [apiUrl, appToken, token] = process.argv.slice(2);
const tell = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);
const app = new App({
  appToken,
  token,
  socketMode: true,
  logLevel: LogLevel.ERROR,
  clientOptions: { slackApiUrl: apiUrl },
});

app.event("message", async ({ event }) => tell({ listener: "message", payload: event }));
app.event("app_mention", async ({ event, say }) => {
  await say("you called?");
  tell({ listener: "app_mention", payload: event });
});
app.event("reaction_added", async ({ event }) => tell({ listener: "reaction_added", payload: event }));
app.command("/deploy", async ({ ack, command }) => {
  await ack(`deploying ${command.text}`);
  tell({ listener: "command", payload: command });
});
app.action("yes", async ({ ack, body }) => {
  await ack();
  tell({ listener: "action", payload: body });
});

process.stdin.resume().on("end", async () => {
  await app.stop();
  process.exit(0);
});

app.start().then(() => tell({ ready: true }));
