// What the pages of a canvas share: a token as an element, and the figures of a step.
function tokenElement(data, frame, tokens, position) {
  var names = { f: "fixed", a: "accepted", c: "changing", u: "uncertain" };
  var token = data.tokens[tokens[position]], span = document.createElement("span");
  span.className = frame.states[position];
  span.textContent = token[0];
  span.title = "position " + position + ": " + token[1] + ", entropy " + frame.entropy[position] +
    " nats, " + names[frame.states[position]];
  return span;
}

function showFigures(data, current) {
  var frame = data.frames[current], decided = frame.states.replace(/[cu]/g, "").length;
  document.getElementById("figures").textContent =
    "step " + (current + 1) + " of " + data.frames.length +
    (data.before.length > 1 ? " · canvas " + (frame.canvas + 1) : "") +
    " · mean entropy " + frame.mean.toFixed(4) + " nats · log evidence " + frame.evidence +
    " · decided " + decided + "/" + frame.states.length;
}

// The token under the pointer, in words.
function describeOnHover(canvas) {
  canvas.addEventListener("mouseover", function (event) {
    if (event.target.title) { document.getElementById("token").textContent = event.target.title; }
  });
}
