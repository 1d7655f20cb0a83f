package main

// tinyPicture is a grey square of eight by eight points, as a JPEG.
const tinyPicture = "/9j/2wCEAP////////////////////////////////////////////////////////////////////////////////////8B//////////////" +
	"/////////////////////////////////////////////////////////////////////////AAAsIAAgACAEBEQD/xADSAAABBQEBAQEBAQAA" +
	"AAAAAAAAAQIDBAUGBwgJCgsQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKC" +
	"kqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfI" +
	"ycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAAgBAQAAPwCOv//Z"
