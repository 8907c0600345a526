"""CelebA's folder, whole or in part: splits, attributes, pixels, and one sentence for whatever is wrong with it."""

import shutil
from pathlib import Path

import pytest
import torch
from faces import write_faces
from PIL import Image
from torch.utils.data import DataLoader

from mine_lightning.data import face_images
from mine_lightning.data.face_images import Decoding, UnreadableImageError, decode, load_face_images
from mine_lightning.errors import InputError


@pytest.mark.parametrize("inside", ["", "celeba"])
def test_root_may_be_torchvisions_or_hold_the_folder(tmp_path, inside):
    write_faces(tmp_path)
    faces = load_face_images(tmp_path / inside)
    assert faces.name == "celeba-40"
    assert faces.files[0] == "000001.jpg"


def test_the_environment_names_the_root(tmp_path, monkeypatch):
    write_faces(tmp_path)
    monkeypatch.setenv("MINE_LIGHTNING_DATA", str(tmp_path))
    assert load_face_images().folder == tmp_path / "celeba"


def test_all_images_alone_are_called_celeba(tmp_path, monkeypatch):
    write_faces(tmp_path)
    monkeypatch.setattr(face_images, "_WHOLE", 40)
    assert load_face_images(tmp_path).name == "celeba"


def test_a_part_without_their_list_has_all_splits(tmp_path):
    faces = load_face_images(write_faces(tmp_path))
    assert faces.of(2).tolist() == [9, 19, 29, 39]
    assert faces.of(1).tolist() == [8, 18, 28, 38]
    assert len(faces.of(0)) == 32


def test_splits_are_those_of_the_list(tmp_path):
    faces = load_face_images(write_faces(tmp_path, n=6, listed=6, partition=[0, 0, 1, 2, 0, 2]))
    assert [faces.of(split).tolist() for split in range(3)] == [[0, 1, 4], [2], [3, 5]]


def test_attributes_belong_to_the_images_that_are_listed(tmp_path):
    faces = load_face_images(write_faces(tmp_path, listed=20))
    found, attributes = faces.attributes
    assert found.tolist() == list(range(20))
    bright = torch.stack([decode(faces.path(index)).float().mean() > 120 for index in range(20)])
    assert torch.equal(attributes[:, 0], bright)
    indices, mine = faces.labelled(2, at_most=5)
    assert indices.tolist() == [9, 19]
    assert torch.equal(mine, attributes[[9, 19]])
    assert len(faces.labelled(0, at_most=5)[0]) == 5


def test_pixels_are_the_central_square_resized(tmp_path):
    """Of 178 pixels' width 148 are kept: a frame of 15 on each side, and of 35 above and below, is gone."""
    image = Image.new("RGB", (178, 218), (255, 0, 0))
    image.paste((0, 0, 200), (14, 34, 164, 184))
    image.save(tmp_path / "a.png")
    pixels = decode(tmp_path / "a.png")
    assert pixels.shape == (3, 64, 64)
    assert pixels.dtype == torch.uint8
    assert pixels.float().mean(dim=(1, 2)).tolist() == [0, 0, 200]
    image.paste((0, 255, 0), (15, 35, 22, 42))
    image.save(tmp_path / "a.png")
    pixels = decode(tmp_path / "a.png")
    assert pixels[1, 0, 0] > 150
    assert pixels[1, 5:, 5:].max() == 0


def test_workers_decode_what_this_process_does(tmp_path):
    faces = load_face_images(write_faces(tmp_path, n=10))
    indices = torch.tensor([7, 2, 5])
    here = faces.images(indices)
    assert torch.equal(here, torch.stack([decode(faces.path(index)) for index in (7, 2, 5)]))
    assert torch.equal(here, faces.images(indices, workers=1))


def test_the_fingerprint_tells_other_files(tmp_path):
    first = load_face_images(write_faces(tmp_path / "a", n=10, listed=10)).fingerprint()
    assert first == load_face_images(tmp_path / "a").fingerprint()
    assert first != load_face_images(write_faces(tmp_path / "b", n=10, listed=9)).fingerprint()
    assert first != load_face_images(write_faces(tmp_path / "c", n=11, listed=10)).fingerprint()
    path = load_face_images(tmp_path / "a").path(3)
    path.write_bytes(path.read_bytes() + b"\0")
    assert first != load_face_images(tmp_path / "a").fingerprint()


class TestWhatIsWrongIsOneSentence:
    @pytest.mark.parametrize("workers", [0, 1])
    def test_a_truncated_image_even_from_a_worker(self, tmp_path, workers):
        faces = load_face_images(write_faces(tmp_path, n=4))
        path = faces.path(2)
        path.write_bytes(path.read_bytes()[:900])
        with pytest.raises(UnreadableImageError) as raised:
            list(DataLoader(Decoding(faces, torch.arange(4)), 2, num_workers=workers))
        message = str(raised.value)
        assert message.startswith(f"Expected a whole image in {path} but it can't be decoded (")
        assert message.endswith("); replace the file or delete it.")
        assert "\n" not in message
        assert "truncated" in message

    def test_no_image_at_all(self, tmp_path):
        (tmp_path / "a.jpg").write_text("none")
        with pytest.raises(InputError, match=r"Expected a whole image in .* but it can't be decoded"):
            decode(tmp_path / "a.jpg")

    def test_an_empty_folder(self, tmp_path):
        (tmp_path / "img_align_celeba").mkdir()
        with pytest.raises(InputError, match=r"Expected images such as 000001\.jpg in .* but it has none; unpack"):
            load_face_images(tmp_path)

    def test_a_folder_without_celeba(self, tmp_path):
        with pytest.raises(InputError, match=r"the folder that data\.root names, but there is no img_align_celeba/"):
            load_face_images(tmp_path)

    def test_a_missing_list_of_attributes(self, tmp_path):
        faces = load_face_images(write_faces(tmp_path, listed=0))
        with pytest.raises(
            InputError, match=r"Expected CelebA's .*list_attr_celeba\.txt, .* but there is none; put it"
        ):
            faces.labelled(0, 5)

    def test_a_damaged_list_of_attributes(self, tmp_path):
        faces = load_face_images(write_faces(tmp_path))
        with (faces.folder / "list_attr_celeba.txt").open("a") as file:
            file.write("000041.jpg 1 -1\n")
        with pytest.raises(
            InputError, match=r"Expected a file's name and 3 times 1 or -1 in line 43 of .*'000041\.jpg 1"
        ):
            faces.labelled(0, 5)

    def test_attributes_of_other_images(self, tmp_path):
        faces = load_face_images(write_faces(tmp_path))
        path = faces.folder / "list_attr_celeba.txt"
        path.write_text(path.read_text().replace(".jpg", ".png"))
        with pytest.raises(InputError, match="lists none of these 40; replace it"):
            faces.labelled(0, 5)

    def test_a_split_without_attributes(self, tmp_path):
        faces = load_face_images(write_faces(tmp_path, listed=9))
        with pytest.raises(InputError, match=r"Expected attributes of images for test but .* has none"):
            faces.labelled(2, 5)

    def test_a_partition_that_lacks_an_image(self, tmp_path):
        write_faces(tmp_path, n=6, partition=[0, 1, 2])
        with pytest.raises(InputError, match=r"Expected every image with 0, 1 or 2 .* but 000004\.jpg has none"):
            load_face_images(tmp_path)

    def test_a_partition_that_leaves_a_split_empty(self, tmp_path):
        faces = load_face_images(write_faces(tmp_path, n=6, partition=[0] * 6))
        with pytest.raises(InputError, match=r"puts none of the 6 in .* into test; remove that file"):
            faces.of(2)

    def test_a_download_that_fails(self, monkeypatch):
        def fail(*arguments, **named):
            raise RuntimeError("no\nnetwork")

        monkeypatch.setattr("torchvision.datasets.CelebA", fail)
        with pytest.raises(InputError, match=r"torchvision can't download it \(no network\); name a folder"):
            load_face_images()


def test_a_download_is_found_where_torchvision_puts_it_and_half_of_one_is_not_found(tmp_path, monkeypatch):
    def half(root, download):
        write_faces(Path(root), 20)
        raise KeyboardInterrupt

    monkeypatch.setattr("torchvision.datasets.CelebA", half)
    with pytest.raises(KeyboardInterrupt):
        load_face_images()
    kept = tmp_path / "cache" / "data" / "celeba.part"  # torchvision goes on from there
    assert len(list(kept.rglob("*.jpg"))) == 20

    def whole(root, download):
        shutil.rmtree(Path(root) / "celeba")
        write_faces(Path(root))

    monkeypatch.setattr("torchvision.datasets.CelebA", whole)
    assert load_face_images().name == "celeba-40"
    assert not kept.exists()
    monkeypatch.setattr("torchvision.datasets.CelebA", None)
    assert load_face_images().name == "celeba-40"
