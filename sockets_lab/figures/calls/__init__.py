"""From recorded calls to the story and the layout behind the pictures of calls and of streams."""
