import json
import shutil

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

from hand_gestures.backbones.model_files import ModelUnavailableError
from hand_gestures.backbones.networks import load_resnext, load_vit
from hand_gestures.backbones.preprocessing import Preprocessing
from small_backbones import (
    RESNEXT_ARGS,
    RESNEXT_MEAN,
    RESNEXT_SIZE,
    RESNEXT_STD,
    RESNEXT_WIDTH,
    VIT_MEAN,
    VIT_SIZE,
    VIT_STD,
    VIT_WIDTH,
    Intruder,
    local_files,
    random_frames,
    save_resnext,
)

HAGRID = Preprocessing(224, "bilinear", (0.54, 0.499, 0.473), (0.231, 0.232, 0.229), letterbox=144)


@pytest.fixture(scope="module")
def frames():
    return random_frames(seed=5, count=3, height=60, width=80)


@pytest.fixture(scope="module")
def hagrid(hagrid_file):
    return load_resnext(local_files(hagrid_file))


@pytest.fixture
def vit_copy(vit_folder, tmp_path):
    return shutil.copytree(vit_folder, tmp_path / "vit")


@pytest.fixture
def resnext_copy(resnext_folder, tmp_path):
    return shutil.copytree(resnext_folder, tmp_path / "resnext")


def rewrite(folder, change):
    """Change the weights saved in a folder."""
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def complaint(load, path):
    with pytest.raises(ModelUnavailableError) as caught:
        load(local_files(path))
    message = str(caught.value)
    assert str(path) in message
    assert "fetch it again" in message
    return message


def test_a_vit_gives_the_mean_over_the_tokens_of_its_last_layer(vit_folder, frames):
    from transformers import ViTModel

    backbone = load_vit(local_files(vit_folder))
    plain = ViTModel.from_pretrained(vit_folder, add_pooling_layer=False).eval()
    with torch.no_grad():
        tokens = plain(pixel_values=backbone.preprocessing(frames)).last_hidden_state
    assert tokens.shape == (3, 1 + (VIT_SIZE // 16) ** 2, VIT_WIDTH)
    torch.testing.assert_close(backbone(frames), tokens.mean(dim=1))
    assert not torch.allclose(backbone(frames), tokens[:, 0], atol=0.1)
    assert not torch.allclose(backbone(frames), tokens[:, 1:].mean(dim=1), atol=1e-3)


def test_a_vit_uses_the_width_size_and_normalisation_of_its_config(vit_folder):
    backbone = load_vit(local_files(vit_folder))
    assert backbone.width == VIT_WIDTH
    assert backbone.preprocessing == Preprocessing(VIT_SIZE, "bilinear", VIT_MEAN, VIT_STD)


def test_the_input_of_a_vit_equals_that_of_its_image_processor(vit_folder, frames):
    from transformers import ViTImageProcessor

    expected = ViTImageProcessor.from_pretrained(vit_folder)(list(frames), return_tensors="pt")["pixel_values"]
    pixels = load_vit(local_files(vit_folder)).preprocessing(frames)
    assert (pixels - expected).abs().max() <= 2 / 255 / min(VIT_STD)


def test_a_vit_saved_with_a_classification_head_gives_the_features_below_the_head(vit_copy, frames):
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(6)
    classifier = ViTForImageClassification(ViTConfig.from_pretrained(vit_copy, num_labels=18)).eval()
    classifier.save_pretrained(vit_copy)
    backbone = load_vit(local_files(vit_copy))
    with torch.no_grad():
        tokens = classifier.vit(pixel_values=backbone.preprocessing(frames)).last_hidden_state
    torch.testing.assert_close(backbone(frames), tokens.mean(dim=1))


def test_a_vit_saved_in_half_precision_runs_in_float32(vit_copy, frames):
    from transformers import ViTModel

    full = load_vit(local_files(vit_copy))(frames)
    ViTModel.from_pretrained(vit_copy, add_pooling_layer=False).half().save_pretrained(vit_copy)
    backbone = load_vit(local_files(vit_copy))
    assert {parameter.dtype for parameter in backbone.network.parameters()} == {torch.float32}
    torch.testing.assert_close(backbone(frames), full, atol=0.05, rtol=0.05)


def test_a_resnext_gives_the_pooled_features_of_the_plain_network(resnext, resnext_folder, frames):
    backbone = load_resnext(local_files(resnext_folder))
    with torch.no_grad():
        expected = resnext(backbone.preprocessing(frames))
    assert expected.shape == (3, RESNEXT_WIDTH)
    assert backbone.width == RESNEXT_WIDTH
    torch.testing.assert_close(backbone(frames), expected)


def test_a_resnext_uses_the_size_and_normalisation_of_its_config(resnext_folder):
    description = load_resnext(local_files(resnext_folder)).preprocessing.describe()
    assert json.loads(json.dumps(description)) == {
        "size": RESNEXT_SIZE,
        "interpolation": "bicubic",
        "mean": list(RESNEXT_MEAN),
        "std": list(RESNEXT_STD),
        "letterbox": None,
    }


def test_a_resnext_saved_with_a_classification_head_gives_the_features_below_the_head(resnext, tmp_path, frames):
    head = {"fc.weight": torch.randn(1000, RESNEXT_WIDTH), "fc.bias": torch.randn(1000)}
    folder = save_resnext(tmp_path / "classifier", {**resnext.state_dict(), **head}, num_classes=1000)
    backbone = load_resnext(local_files(folder))
    with torch.no_grad():
        expected = resnext(backbone.preprocessing(frames))
    assert backbone.width == RESNEXT_WIDTH
    torch.testing.assert_close(backbone(frames), expected)


def test_the_path_may_be_the_weights_file(vit_folder, resnext_folder, frames):
    for load, folder in ((load_vit, vit_folder), (load_resnext, resnext_folder)):
        named = load(local_files(folder / "model.safetensors"))
        torch.testing.assert_close(named(frames), load(local_files(folder))(frames))


def test_networks_are_in_eval_mode_without_gradients(vit_folder, resnext_folder, hagrid, frames):
    backbones = [load_vit(local_files(vit_folder)), load_resnext(local_files(resnext_folder)), hagrid]
    for backbone in backbones:
        assert not any(module.training for module in backbone.network.modules())
        assert not any(parameter.requires_grad for parameter in backbone.network.parameters())
    for backbone in backbones[:2]:
        assert not backbone(frames).requires_grad
        assert torch.equal(backbone(frames), backbone(frames))


def test_a_hagrid_checkpoint_gives_the_features_of_the_plain_timm_network(hagrid, hagrid_network, frames):
    import timm

    with torch.device("meta"):  # saves drawing weights that are replaced at once
        plain = timm.create_model("resnext50_32x4d", num_classes=18).eval()
    plain.load_state_dict(hagrid_network.state_dict(), assign=True)
    plain.reset_classifier(0)
    with torch.no_grad():
        expected = plain(hagrid.preprocessing(frames[:1]))
    assert hagrid.width == 2048
    torch.testing.assert_close(hagrid(frames[:1]), expected)


def test_a_hagrid_checkpoint_gives_the_features_that_torchvision_classifies(hagrid, hagrid_network, frames):
    with torch.no_grad():
        logits = hagrid_network(hagrid.preprocessing(frames[:1]))
        torch.testing.assert_close(hagrid_network.fc(hagrid(frames[:1])), logits, atol=1e-3, rtol=1e-3)


def test_a_hagrid_checkpoint_is_letterboxed_as_it_was_trained(hagrid):
    preprocessing = hagrid.preprocessing
    assert preprocessing == HAGRID
    pixels = preprocessing(torch.full((1, 3, 100, 200), 255, dtype=torch.uint8))
    assert pixels.shape == (1, 3, 224, 224)
    grey = (144 / 255 - torch.tensor(HAGRID.mean)) / torch.tensor(HAGRID.std)
    white = (1 - torch.tensor(HAGRID.mean)) / torch.tensor(HAGRID.std)
    torch.testing.assert_close(pixels[0, :, :56], grey.view(3, 1, 1).expand(3, 56, 224))
    torch.testing.assert_close(pixels[0, :, 56:168], white.view(3, 1, 1).expand(3, 112, 224))


def test_text_is_refused_as_weights(vit_copy, resnext_copy):
    for load, folder in ((load_vit, vit_copy), (load_resnext, resnext_copy)):
        (folder / "model.safetensors").write_text("<html>404: not found</html>")
        complaint(load, folder / "model.safetensors")


def test_cut_off_weights_are_refused(vit_copy, resnext_copy):
    for load, folder in ((load_vit, vit_copy), (load_resnext, resnext_copy)):
        content = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
        complaint(load, folder / "model.safetensors")


def test_a_vit_with_one_weight_missing_is_refused(vit_copy):
    rewrite(vit_copy, lambda weights: weights.pop("layernorm.weight"))
    message = complaint(load_vit, vit_copy / "model.safetensors")
    assert "1 weights are missing" in message
    assert "layernorm.weight" in message


def test_a_vit_with_a_weight_of_another_shape_is_refused(vit_copy):
    rewrite(vit_copy, lambda weights: weights.update({"layernorm.weight": torch.ones(VIT_WIDTH + 1)}))
    complaint(load_vit, vit_copy / "model.safetensors")


def test_weights_of_a_resnext_are_refused_as_vit(vit_copy, resnext_folder):
    shutil.copy(resnext_folder / "model.safetensors", vit_copy / "model.safetensors")
    complaint(load_vit, vit_copy / "model.safetensors")


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
def test_a_vit_without_one_of_its_config_files_is_refused(vit_copy, file):
    (vit_copy / file).unlink()
    complaint(load_vit, vit_copy / "model.safetensors")


def test_a_vit_whose_config_is_no_json_is_refused(vit_copy):
    (vit_copy / "config.json").write_text("not json")
    complaint(load_vit, vit_copy / "model.safetensors")


def test_a_resnext_with_one_weight_missing_is_refused(resnext_copy):
    rewrite(resnext_copy, lambda weights: weights.pop("layer3.0.conv2.weight"))
    complaint(load_resnext, resnext_copy / "model.safetensors")


def test_a_resnext_with_weights_of_another_shape_is_refused(resnext_copy):
    wider = {**RESNEXT_ARGS, "channels": [8, 8, 16, 24]}
    save_resnext(resnext_copy, load_file(resnext_copy / "model.safetensors"), wider)
    complaint(load_resnext, resnext_copy / "model.safetensors")


def test_a_resnext_without_its_config_is_refused(resnext_copy):
    (resnext_copy / "config.json").unlink()
    assert "config.json" in complaint(load_resnext, resnext_copy / "model.safetensors")


def test_the_error_of_a_checkpoint_without_model_state_names_its_keys(tmp_path):
    file = tmp_path / "ResNext50.pth"
    torch.save({"state_dict": {"backbone.0.weight": torch.zeros(1)}, "epoch": 3}, file)
    message = complaint(load_resnext, file)
    assert "MODEL_STATE" in message
    assert "state_dict, epoch" in message


def test_a_checkpoint_of_another_network_is_refused(tmp_path, resnext):
    file = tmp_path / "ResNext50.pth"
    torch.save({"MODEL_STATE": resnext.state_dict()}, file)
    complaint(load_resnext, file)


def test_a_checkpoint_with_one_weight_missing_is_refused(tmp_path, hagrid_network):
    weights = dict(hagrid_network.state_dict())
    del weights["layer2.1.bn2.running_var"]
    file = tmp_path / "ResNext50.pth"
    torch.save({"MODEL_STATE": weights}, file)
    complaint(load_resnext, file)


@pytest.mark.parametrize("content", [b"", b"<html>404: not found</html>"])
def test_text_is_refused_as_checkpoint(tmp_path, content):
    file = tmp_path / "ResNext50.pth"
    file.write_bytes(content)
    complaint(load_resnext, file)


def test_code_in_a_checkpoint_is_not_executed(tmp_path):
    file, mark = tmp_path / "ResNext50.pth", tmp_path / "intruder"
    torch.save({"MODEL_STATE": {}, "notes": Intruder(mark)}, file)
    complaint(load_resnext, file)
    assert not mark.exists()
    torch.load(file, weights_only=False)
    assert mark.exists()  # the file does what it should not, where code is allowed


def test_a_resnext_with_a_head_still_needs_every_weight(tmp_path):
    """timm itself accepts missing weights where it drops a head, and continues with random numbers."""
    weights = timm.create_model("resnext50_32x4d", pretrained=False, num_classes=5, **RESNEXT_ARGS).state_dict()
    save_resnext(tmp_path, weights, num_classes=5)
    assert load_resnext(local_files(tmp_path)).width == RESNEXT_WIDTH
    del weights["layer3.0.conv2.weight"]
    save_resnext(tmp_path, weights, num_classes=5)
    with pytest.raises(ModelUnavailableError, match=r"layer3\.0\.conv2\.weight"):
        load_resnext(local_files(tmp_path))


def test_the_given_weights_file_is_loaded(resnext_folder, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(resnext_folder, folder)
    shutil.copy(folder / "model.safetensors", folder / "mine.safetensors")
    (folder / "model.safetensors").write_bytes(b"not the one that was named")
    assert load_resnext(local_files(folder / "mine.safetensors")).width == RESNEXT_WIDTH


def test_a_vit_file_of_another_name_is_refused(vit_folder, tmp_path):
    shutil.copytree(vit_folder, tmp_path / "vit")
    shutil.copy(tmp_path / "vit/model.safetensors", tmp_path / "vit/mine.safetensors")
    with pytest.raises(ModelUnavailableError, match="give that folder as path"):
        load_vit(local_files(tmp_path / "vit/mine.safetensors"))


def test_a_vit_saved_with_its_classifier_head_is_read_without_it(tmp_path):
    """The published ViT is saved in this way: its weights have the prefix `vit.`, and the head is in the same file."""
    config = ViTConfig(
        hidden_size=12, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=16
    )
    classifier = ViTForImageClassification(config).eval()
    classifier.save_pretrained(tmp_path)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    backbone = load_vit(local_files(tmp_path))
    pixels = torch.randn(2, 3, 32, 32)
    expected = classifier.vit(pixel_values=pixels).last_hidden_state.mean(dim=1)
    torch.testing.assert_close(backbone.network(pixels), expected)


@pytest.mark.parametrize("field", ["attn_implementation", "_attn_implementation"])
def test_a_config_that_names_a_kernel_of_another_repository_does_not_load_it(vit_folder, vit_copy, frames, field):
    config = json.loads((vit_copy / "config.json").read_text())
    (vit_copy / "config.json").write_text(json.dumps(config | {field: "kernels-community/flash-attn2"}))
    vit = load_vit(local_files(vit_copy))
    assert vit.network.vit.config._attn_implementation == "sdpa"
    assert torch.equal(vit(frames), load_vit(local_files(vit_folder))(frames))
