/* Search in pages opened from disk: browsers start no worker from file://, so the search's worker runs in a frame of its own. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.waiting = []
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      this.window = frame.contentWindow
      this.window.postMessage = data => setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data })))
      const script = this.window.document.createElement("script")
      script.onload = () => { const waiting = this.waiting; this.waiting = null; waiting.forEach(data => this.postMessage(data)) }
      script.src = url
      this.window.document.body.append(script)
    }

    postMessage(data) {
      if (this.waiting) this.waiting.push(data)
      else setTimeout(() => this.window.dispatchEvent(new MessageEvent("message", { data })))
    }
  }
}
