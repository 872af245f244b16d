// The live stream: one WebSocket that comes back by itself, from where it was.

const LONGEST_WAIT_MS = 15000;
const GRACE = 3; // heartbeats that may be missed

/** Calls `told(frame)` for each frame and `stands(word)` when the line changes. Answers with how to stop. */
export function watch(parameters, told, stands) {
  let cursor = null;
  let socket = null;
  let wait = 500;
  let timer = null;
  let alive = null;
  let stopped = false;

  const listen = (seconds) => {
    clearTimeout(alive);
    alive = setTimeout(() => socket?.close(), seconds * GRACE * 1000);
  };
  const connect = () => {
    const asked = new URLSearchParams({ ...parameters, ...(cursor ? { cursor } : {}) });
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/v1/stream?${asked}`);
    let heartbeat = 15;
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.cursor) cursor = frame.cursor;
      if (frame.type === "hello") {
        heartbeat = frame.heartbeat_seconds;
        wait = 500;
        stands("open");
      } else if (frame.type !== "heartbeat") told(frame);
      listen(heartbeat);
    };
    socket.onclose = () => {
      clearTimeout(alive);
      if (stopped) return;
      stands("waiting");
      timer = setTimeout(connect, wait * (0.7 + Math.random() * 0.6));
      wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    };
    listen(heartbeat);
  };
  const wake = () => {
    if (stopped || socket.readyState <= WebSocket.OPEN) return;
    clearTimeout(timer);
    wait = 500;
    connect();
  };
  addEventListener("online", wake);
  connect();
  return () => {
    stopped = true;
    removeEventListener("online", wake);
    clearTimeout(timer);
    clearTimeout(alive);
    socket.close();
  };
}
