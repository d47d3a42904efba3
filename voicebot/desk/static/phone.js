// The browser phone: SIP.js does the SIP and the audio, this shows its state and presses its buttons. One phone for each .phone on the page, from when
// it is there until it is gone. The password comes from the desk for whoever is signed in, and is kept nowhere.
const LIBRARY = "/static/vendor/sip.js/lib/platform/web/index.js";
const SHOWN = {
  dial: ["ready"],
  answer: ["ringing"],
  hang_up: ["ringing", "calling", "talking", "held"],
  hold: ["talking"],
  resume: ["held"],
  mute: ["talking"],
  unmute: ["talking"],
  key: ["talking"],
};
const AGAIN_S = 2;

class Phone {
  constructor(box) {
    this.box = box;
    this.words = JSON.parse(box.dataset.words);
    this.muted = false;
    box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.press(button.dataset.do, button.dataset.value);
    });
  }

  async start() {
    const answer = await fetch(this.box.dataset.account);
    if (!answer.ok) return this.show("lost");
    const account = await answer.json();
    let web;
    try {
      web = await import(LIBRARY);
    } catch {
      return this.show("missing");
    }
    this.domain = account.domain;
    this.line = new web.SimpleUser(`${location.protocol.replace("http", "ws")}//${location.host}/phone/line`, this.options(account));
    try {
      await this.line.connect();
      if (account.rings) await this.line.register();
    } catch {
      this.show("lost");
    }
  }

  options(account) {
    return {
      aor: `sip:${account.name}@${account.domain}`,
      media: { constraints: { audio: true, video: false }, remote: { audio: this.box.querySelector("audio") } },
      reconnectionAttempts: 100_000,
      reconnectionDelay: AGAIN_S,
      delegate: {
        onServerConnect: () => account.rings || this.show("ready"),
        onServerDisconnect: () => this.show("lost"),
        onRegistered: () => this.idle() && this.show("ready"),
        onUnregistered: () => this.show("lost"),
        onCallReceived: () => this.show("ringing"),
        onCallAnswered: () => this.show("talking"),
        onCallHold: (held) => this.show(held ? "held" : "talking"),
        onCallHangup: () => this.over(),
      },
      userAgentOptions: {
        authorizationUsername: account.name,
        authorizationPassword: account.password,
        logBuiltinEnabled: false,
        sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
      },
    };
  }

  idle() {
    return ["connecting", "lost", "ready"].includes(this.box.dataset.state);
  }

  over() {
    this.muted = false;
    this.show(this.line.isConnected() ? "ready" : "lost");
  }

  async press(what, value) {
    try {
      await this[what](value);
    } catch (error) {
      this.show(error?.name === "NotAllowedError" || error?.name === "NotFoundError" ? "no_microphone" : this.box.dataset.state);
    }
  }

  async dial(number) {
    this.show("calling");
    await this.line.call(`sip:${number}@${this.domain}`);
  }

  answer() {
    return this.line.answer();
  }

  hang_up() {
    return this.box.dataset.state === "ringing" ? this.line.decline() : this.line.hangup();
  }

  hold() {
    return this.line.hold();
  }

  resume() {
    return this.line.unhold();
  }

  mute() {
    this.line.mute();
    this.muted = true;
    this.show("talking");
  }

  unmute() {
    this.line.unmute();
    this.muted = false;
    this.show("talking");
  }

  key(tone) {
    return this.line.sendDTMF(tone);
  }

  show(state) {
    this.box.dataset.state = state;
    this.box.querySelector(".phone-state").textContent = this.words[state];
    for (const button of this.box.querySelectorAll("[data-do]")) {
      const { do: what } = button.dataset;
      const wrong = (what === "mute" && this.muted) || (what === "unmute" && !this.muted);
      button.hidden = wrong || !SHOWN[what].includes(state);
    }
  }

  stop() {
    this.line?.disconnect();
  }
}

const phones = new Map();
const look = () => {
  for (const [box, phone] of phones) {
    if (!box.isConnected) {
      phones.delete(box);
      phone.stop();
    }
  }
  for (const box of document.querySelectorAll(".phone")) {
    if (phones.has(box)) continue;
    const phone = new Phone(box);
    phones.set(box, phone);
    phone.start();
  }
};
new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
look();
