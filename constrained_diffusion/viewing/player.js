// Plays steps 0 … count - 1 by `show`: the slider and the button of the page, and the keys.
// The page's address may end in #N for step N. Returns a function that shows the step again.
function playSteps(count, show, milliseconds) {
  var slider = document.getElementById("slider"), play = document.getElementById("play");
  var last = count - 1, current = 0, timer = null;

  function go(step) {
    current = Math.max(0, Math.min(last, step));
    slider.value = current + 1;
    show(current);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }

  function toggle() {
    if (timer !== null) { stop(); return; }
    if (current === last) { go(0); }
    play.textContent = "Pause";
    timer = setInterval(function () {
      if (current === last) { stop(); } else { go(current + 1); }
    }, milliseconds);
  }

  slider.max = count;
  slider.addEventListener("input", function () { stop(); go(slider.value - 1); });
  play.addEventListener("click", toggle);
  document.addEventListener("keydown", function (event) {
    var moves = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: last };
    var inControl = event.target.tagName === "BUTTON" || event.target.type === "checkbox";
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (event.key in moves) { stop(); go(moves[event.key]); event.preventDefault(); }
    else if (event.key === " " && !inControl) { toggle(); event.preventDefault(); }
  });
  if (count) {
    var wanted = parseInt(location.hash.slice(1), 10);
    go(wanted > 0 ? wanted - 1 : last);
  }
  return function () { if (count) { go(current); } };
}
