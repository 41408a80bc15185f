package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// chromium is a headless browser, spoken to by the DevTools protocol over a pipe.
type chromium struct {
	t        testing.TB
	dir      string
	commands io.Writer
	answers  chan devToolsMessage // ends with the browser
	last     int
}

// devToolsMessage is the answer to a command, or an event.
type devToolsMessage struct {
	ID     int    `json:"id"`
	Method string `json:"method"`
	Params struct {
		State string `json:"state"`
	} `json:"params"`
	Result struct {
		TargetID  string `json:"targetId"`
		SessionID string `json:"sessionId"`
		ErrorText string `json:"errorText"`
	} `json:"result"`
	Error struct {
		Message string `json:"message"`
	} `json:"error"`
}

// startChromium starts a browser with a profile of its own and no way out of this machine: names lead to where hosts says,
// in the words of --host-resolver-rules, and all others nowhere. Its home is in dir. It skips the test when there is no
// Chromium.
func startChromium(t testing.TB, dir, hosts string, args ...string) *chromium {
	t.Helper()
	c := &chromium{t: t, dir: dir, answers: make(chan devToolsMessage)}
	theirs, commands, err := os.Pipe()
	must(t, err)
	answers, ours, err := os.Pipe()
	must(t, err)
	cmd := exec.Command(program(t, "chromium"), append([]string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
		"--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,OptimizationHints", "--remote-debugging-pipe",
		"--user-data-dir=" + filepath.Join(c.dir, "profile"), "--host-resolver-rules=" + hosts + ",MAP * ~NOTFOUND,EXCLUDE 127.0.0.1"},
		args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "XDG_CONFIG_HOME=" + c.dir, "XDG_CACHE_HOME=" + c.dir}
	cmd.ExtraFiles = []*os.File{theirs, ours} // its descriptors 3 and 4
	must(t, cmd.Start())
	theirs.Close()
	ours.Close()
	c.commands = commands
	go c.read(answers)
	t.Cleanup(func() {
		commands.Close() // it ends when nobody is there
		for range c.answers {
		}
		_ = cmd.Wait()
	})
	return c
}

func (c *chromium) read(answers io.ReadCloser) {
	defer close(c.answers)
	defer answers.Close()
	in := bufio.NewReader(answers)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m devToolsMessage
		if json.Unmarshal(text[:len(text)-1], &m) == nil {
			c.answers <- m
		}
	}
}

// do sends a command and returns its answer.
func (c *chromium) do(session, method string, params map[string]any) devToolsMessage {
	c.t.Helper()
	c.last++
	text, err := json.Marshal(map[string]any{"id": c.last, "method": method, "params": params})
	if session != "" {
		text, err = json.Marshal(map[string]any{"id": c.last, "method": method, "params": params, "sessionId": session})
	}
	must(c.t, err)
	_, err = c.commands.Write(append(text, 0))
	must(c.t, err)
	m := c.await(method, func(m devToolsMessage) bool { return m.ID == c.last })
	if m.Error.Message != "" {
		c.t.Fatalf("Chromium: %s: %s", method, m.Error.Message)
	}
	return m
}

// await returns the first message that is the right one.
func (c *chromium) await(what string, right func(devToolsMessage) bool) devToolsMessage {
	c.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case m, ok := <-c.answers:
			if !ok {
				c.t.Fatalf("Chromium ended before %s", what)
			}
			if right(m) {
				return m
			}
		case <-deadline:
			c.t.Fatalf("Chromium: nothing came of %s", what)
		}
	}
}

// download has a file downloaded, and returns it, or why Chromium did not begin with it.
func (c *chromium) download(url string) ([]byte, error) {
	c.t.Helper()
	into, err := os.MkdirTemp(c.dir, "downloads")
	must(c.t, err)
	c.do("", "Browser.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": into, "eventsEnabled": true})
	page := c.do("", "Target.createTarget", map[string]any{"url": "about:blank"}).Result.TargetID
	session := c.do("", "Target.attachToTarget", map[string]any{"targetId": page, "flatten": true}).Result.SessionID
	if why := c.do(session, "Page.navigate", map[string]any{"url": url}).Result.ErrorText; why != "net::ERR_ABORTED" {
		return nil, fmt.Errorf("no download: %q", why)
	}
	end := c.await("the download of "+url, func(m devToolsMessage) bool {
		return m.Method == "Browser.downloadProgress" && m.Params.State != "inProgress"
	})
	files, err := filepath.Glob(filepath.Join(into, "*"))
	must(c.t, err)
	if end.Params.State != "completed" || len(files) != 1 {
		return nil, fmt.Errorf("the download is %s; the files: %q", end.Params.State, files)
	}
	return os.ReadFile(files[0])
}
