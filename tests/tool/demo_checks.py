# SPDX-License-Identifier: BSD-2-Clause
"""What must be true of every run of the demo."""

import json
import os
import tempfile
import xml.etree.ElementTree

from tool import expect, fine


def demo(*arguments, **options):
    """Run it, and give its numbers and its text after the checks that hold for all."""
    with tempfile.TemporaryDirectory() as folder:
        numbers, picture = os.path.join(folder, "numbers.json"), os.path.join(folder, "picture.svg")
        done = fine("demo", "--json", numbers, "--svg", picture, *arguments, **options)
        with open(numbers) as file:
            result = json.load(file)
        root = xml.etree.ElementTree.parse(picture).getroot()
    expect(root.tag == "{http://www.w3.org/2000/svg}svg", "the picture is SVG", root.tag)
    check(result, done)
    check_picture(result, root)
    return result, done.out


def check(result, done):
    items = result["items"]
    expect(result["fine"] and not result["interrupted"], "fine", done)
    expect(items["lost"] == items["doubled"] == items["refused"] == 0, "nothing lost or doubled", items)
    expect(items["submitted"] == items["run"] > 0, "what was submitted ran", items)
    expect(result["checksum"]["equal"], "the right checksum", result["checksum"])
    expect(result["checksum"]["run"] == result["checksum"]["sequential"], "equal means equal", result["checksum"])
    expect(sum(one["run"] for one in result["processors"]) == items["run"], "the shares add up", result["processors"])
    expect(all(one["run"] > 0 for one in result["processors"]), "every processor ran", result["processors"])
    expect(len(result["processors"]) == len(result["arrivals"]) + 1, "one at the start, the others arrived", result)
    for arrival in result["arrivals"]:
        check_arrival(arrival)
    # A machine that is busy otherwise may leave one of them too little time to be measured.
    known = [one for one in result["arrivals"] if one["items_per_second_before"] and one["items_per_second_after"]]
    expect(known or not result["arrivals"], "throughput known", result["arrivals"])
    expect("lost 0   doubled 0" in done.out and "Fine:" in done.out, "the text says so", done)


def check_arrival(arrival):
    expect(arrival["arrived"], "it arrived", arrival)
    expect(0 < arrival["to_start_ns"] <= arrival["to_complete_ns"], "change, Start, Complete", arrival)
    expect(arrival["to_first_item_ns"] > arrival["to_start_ns"], "nothing runs before Start", arrival)
    expect([gap["index"] for gap in arrival["longest_gaps"]] == list(range(arrival["index"])), "old ones", arrival)


def check_picture(result, root):
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    for arrival in result["arrivals"]:
        expect(f"+ cpu {arrival['cpu']}" in texts, "each arrival is marked", texts)
    paths = list(root.iter("{http://www.w3.org/2000/svg}path"))
    expect(len(paths) == len(result["processors"]) + 1, "a band for each processor, and the gaps", len(paths))
