// The browser phone: SIP.js does the SIP and the audio, this shows its state and presses its buttons. One phone for each .phone on the page, from when
// it is there until it is gone. The password comes from the desk for whoever is signed in, and is kept nowhere.
const LIBRARY = "/static/vendor/sip.js/lib/platform/web/index.js";
const SHOWN = {
  dial: ["ready", "no_microphone"],
  answer: ["ringing"],
  hang_up: ["ringing", "calling", "talking", "held"],
  hold: ["talking"],
  resume: ["held"],
  mute: ["talking"],
  unmute: ["talking"],
  key: ["talking"],
};
const IDLE = ["connecting", "elsewhere", "lost", "ready"];
const AGAIN_S = 2;
const RING = { hz: 440, gain: 0.1, on_s: 0.8, every_ms: 2000 };

class Phone {
  constructor(box) {
    this.box = box;
    this.words = JSON.parse(box.dataset.words);
    this.muted = false;
    this.gone = new AbortController();
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
    if (account.rings) await this.alone(account.name);
    if (this.gone.signal.aborted) return;
    this.domain = account.domain;
    this.line = new web.SimpleUser(`${location.protocol.replace("http", "ws")}//${location.host}/phone/line`, this.options(account));
    try {
      await this.line.connect();
      if (account.rings) await this.line.register();
    } catch {
      this.show("lost");
    }
  }

  // One tab at a time has the phone; when that one is closed, the next has it.
  alone(name) {
    this.show("elsewhere");
    return new Promise((mine) => {
      const hold = () => new Promise((release) => {
        this.gone.signal.addEventListener("abort", release);
        mine();
      });
      navigator.locks.request(`phone ${name}`, { signal: this.gone.signal }, hold).catch(mine);
    });
  }

  options(account) {
    return {
      aor: `sip:${account.name}@${account.domain}`,
      media: { constraints: { audio: true, video: false }, remote: { audio: this.box.querySelector("audio") } },
      reconnectionAttempts: 100_000,
      reconnectionDelay: AGAIN_S,
      delegate: {
        onServerConnect: () => account.rings || this.idle("ready"),
        onServerDisconnect: () => this.idle("lost"),
        onRegistered: () => this.idle("ready"),
        onUnregistered: () => this.idle("lost"),
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

  // A line that comes or goes ends no call: the audio has a way of its own.
  idle(state) {
    if (IDLE.includes(this.box.dataset.state)) this.show(state);
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
    this.ring(state === "ringing");
    this.box.querySelector(".phone-state").textContent = this.words[state];
    for (const button of this.box.querySelectorAll("[data-do]")) {
      const { do: what } = button.dataset;
      const wrong = (what === "mute" && this.muted) || (what === "unmute" && !this.muted);
      button.hidden = wrong || !SHOWN[what].includes(state);
    }
  }

  ring(on) {
    clearInterval(this.bell);
    if (!on) return;
    const sound = (this.sound ??= new AudioContext());
    const once = () => {
      const bell = new OscillatorNode(sound, { frequency: RING.hz });
      bell.connect(new GainNode(sound, { gain: RING.gain })).connect(sound.destination);
      bell.start();
      bell.stop(sound.currentTime + RING.on_s);
    };
    once();
    this.bell = setInterval(once, RING.every_ms);
  }

  async stop() {
    this.ring(false);
    await this.line?.disconnect();
    this.gone.abort();
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
