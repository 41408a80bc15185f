package ccm

import "strconv"

// RequestedContent reads which content a content location request asks for: one that passes by on its way to a management
// point, whose answer does not name the content. It is an error for any other message.
func RequestedContent(body string) (Content, error) {
	root, err := parseXML(body)
	if err != nil {
		return Content{}, err
	}
	if root.name != "ContentLocationRequest" {
		return Content{}, flaw("it asks for something else than locations of content")
	}
	p := root.at("Package")
	if p == nil {
		if root.at("ClientPackage") == nil {
			return Content{}, flaw("it names no content")
		}
		return Content{}, nil
	}
	version, err := strconv.Atoi(p.attr("Version"))
	if err != nil {
		return Content{}, flaw("it names no version of the content")
	}
	c, err := ParseContent(p.attr("ID"), version)
	if err != nil {
		return Content{}, flaw("it names a content of an unknown kind")
	}
	return c, nil
}
