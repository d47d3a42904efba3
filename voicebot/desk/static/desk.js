// Runs beside every page of the desk: keeps the clocks, asks for leave to notify, and notifies. It never builds markup out of what it is told.
(() => {
  const told = (ms) => {
    const s = Math.max(0, Math.floor(ms / 1000));
    return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  };
  const tick = () => {
    for (const each of document.querySelectorAll("[data-since]")) {
      const text = told(Date.now() - Number(each.dataset.since));
      if (each.textContent !== text) each.textContent = text;
    }
  };
  setInterval(tick, 500);
  new MutationObserver(tick).observe(document.documentElement, { childList: true, subtree: true });

  // A desk that starts anew is found again within a second; the library's own pauses grow to five.
  const hurry = setInterval(() => {
    if (!window.socket?.io) return;
    clearInterval(hurry);
    window.socket.io.reconnectionDelay(300);
    window.socket.io.reconnectionDelayMax(1000);
  }, 200);

  window.deskAsk = () => {
    if ("Notification" in window && Notification.permission === "default") Notification.requestPermission();
  };
  window.deskRing = (title, body, tag) => {
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    const shown = new Notification(title, { body, tag, requireInteraction: true });
    shown.onclick = () => { window.focus(); shown.close(); };
  };
})();
