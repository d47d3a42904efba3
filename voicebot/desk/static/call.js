// The page of one call: sound, waveform and course run in step. `data-at` is a moment of the call in ms, `data-start` where a recording begins in it.
(() => {
  const sounds = () => [...document.querySelectorAll("audio[data-start]")];
  const starts = (sound) => Number(sound.dataset.start);
  const jump = (ms) => {
    const sound = sounds().filter((each) => starts(each) <= ms).pop() || sounds()[0];
    if (!sound) return;
    sounds().forEach((each) => each !== sound && each.pause());
    sound.currentTime = Math.max(0, ms - starts(sound)) / 1000;
    sound.play().catch(() => {});
    show(sound);
  };
  const show = (sound) => {
    const ms = starts(sound) + sound.currentTime * 1000;
    const wave = sound.parentElement.querySelector(".wave");
    if (wave && sound.duration) {
      const x = (1000 * sound.currentTime) / sound.duration;
      const line = wave.querySelector(".head-line");
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    }
    const rows = [...document.querySelectorAll(".moment[data-at]")];
    const now = rows.filter((row) => Number(row.dataset.at) <= ms).pop();
    for (const row of rows) row.classList.toggle("now", row === now);
    const box = now && now.parentElement;
    if (box && !sound.paused) box.scrollTop = now.offsetTop - box.offsetTop - box.clientHeight / 2;
  };
  const running = () => {
    sounds().filter((sound) => !sound.paused).forEach(show);
    requestAnimationFrame(running);
  };
  requestAnimationFrame(running);
  document.addEventListener("seeked", (event) => event.target.matches("audio[data-start]") && show(event.target), true);
  document.addEventListener("click", (event) => {
    const row = event.target.closest(".moment[data-at]");
    if (row) return jump(Number(row.dataset.at));
    const wave = event.target.closest(".wave");
    const sound = wave && wave.closest(".player").querySelector("audio");
    if (!sound || !sound.duration) return;
    const place = wave.getBoundingClientRect();
    jump(starts(sound) + (1000 * sound.duration * (event.clientX - place.left)) / place.width);
  });
})();
