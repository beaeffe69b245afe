// The chat on `ws`, with the loop over its clients that its README shows: `node ws_broadcast.js PORT`.

const { WebSocketServer, WebSocket } = require("ws");

let number = 0;

function event(kind, fields) {
  return JSON.stringify({ event: kind, room: "lobby", ...fields });
}

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  backlog: 4096,
  perMessageDeflate: false,
  handleProtocols: () => "chat.json",
});

server.on("listening", () => console.log("ready"));
server.on("connection", (socket, request) => {
  const name = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
  socket.send(event("greeting", { name, count: server.clients.size }));
  socket.on("message", (text) => {
    const asked = JSON.parse(text);
    if (asked.say === undefined) return;
    number += 1;
    const id = `4f1c2a9d3b7e6a50-${number}`;
    const said = Buffer.from(event("said", { name, text: asked.say, time: Date.now() / 1000, id }));
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(said, { binary: false });
    }
  });
});
